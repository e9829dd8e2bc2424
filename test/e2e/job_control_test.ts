import { doesNotMatch } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";

Deno.test("job control works in the shell", async () => {
  await using sallyport = await startSallyport();
  await using terminal = await sallyport.terminal(newLogin());
  await terminal.sees(/\$ $/m);
  doesNotMatch(await terminal.screen(), /no job control|cannot set terminal process group/);
  await terminal.enter("sleep 1000");
  await terminal.press("C-z");
  await terminal.sees(/Stopped\s+sleep 1000/);
  await terminal.enter("fg");
  await terminal.sees(/^sleep 1000$/m);
  await terminal.press("C-c");
  await terminal.enter("echo status $?");
  await terminal.sees(/^status 130$/m);
  await terminal.enter("cat > /dev/null");
  await terminal.press("C-d");
  await terminal.enter("echo status $?");
  await terminal.sees(/^status 0$/m);
});
