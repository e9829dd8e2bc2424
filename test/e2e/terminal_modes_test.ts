import { match } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";
import { sshArguments } from "../support/ssh.ts";
import { Terminal } from "../support/terminal.ts";

Deno.test("the remote terminal has the modes of the local one", async () => {
  await using sallyport = await startSallyport();
  const client = sshArguments(sallyport, newLogin(), ["-t"], ["stty -a"]);
  await using terminal = await Terminal.start(
    ["sh", "-c", 'stty intr ^A erase ^H -ixon -echoctl; "$@"; stty sane', "sh", ...client],
    { columns: 200 },
  );
  await terminal.sees(/intr = /);
  const screen = await terminal.screen();
  match(screen, /intr = \^A/);
  match(screen, /erase = \^H/);
  match(screen, / -ixon/);
  match(screen, / -echoctl/);
  match(screen, / icanon /);
});
