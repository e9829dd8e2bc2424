import { doesNotMatch } from "node:assert/strict";
import { newLogin, uidOf } from "../support/logins.ts";
import { processesOf } from "../support/processes.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

Deno.test("job control works in the shell", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await using terminal = await sallyport.terminal(login);
  await terminal.sees(/\$ $/m);
  doesNotMatch(await terminal.screen(), /no job control|cannot set terminal process group/);
  const uid = (await uidOf(login))!;
  /** A key pressed before the program is in the foreground would reach the shell. */
  const runs = (line: string) =>
    until(
      `${line} runs`,
      () => processesOf(uid).some(({ argv, state }) => argv.join(" ") === line && state !== "T"),
    );

  await terminal.enter("sleep 1000");
  await runs("sleep 1000");
  await terminal.press("C-z");
  await terminal.sees(/Stopped\s+sleep 1000/);
  await terminal.enter("fg");
  await runs("sleep 1000");
  await terminal.press("C-c");
  await terminal.enter("echo status $?");
  await terminal.sees(/^status 130$/m);
  await terminal.enter("cat - /dev/null");
  await runs("cat - /dev/null");
  await terminal.press("C-d");
  await terminal.enter("echo status $?");
  await terminal.sees(/^status 0$/m);
});
