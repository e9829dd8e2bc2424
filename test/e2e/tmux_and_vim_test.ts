import { strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

Deno.test("vim edits a file in a terminal that is resized meanwhile", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  await using terminal = await sallyport.terminal(login);
  await terminal.sees(/\$ $/m);
  await terminal.enter("vim.tiny -u NONE note");
  await terminal.sees(/^~\s*$/m);
  await terminal.type("ihello from vim");
  await terminal.resize(100, 30);
  await terminal.sees(/(^~\s*\n){27}/m);
  await terminal.press("Escape");
  await terminal.enter(":wq");
  await terminal.sees(/\$ $/m);
  await terminal.enter("echo file: $(cat note)");
  await terminal.sees(/^file: hello from vim$/m);
});

Deno.test("a tmux session on the host outlives the connection and is taken up again", async () => {
  await using sallyport = await startSallyport();
  const login = newLogin();
  {
    await using terminal = await sallyport.terminal(login);
    await terminal.sees(/\$ $/m);
    await terminal.enter("tmux new-session -s work");
    await terminal.sees(/\[work\]/);
    await terminal.enter("echo marked by $USER");
    await terminal.sees(new RegExp(`^marked by ${login}$`, "m"));
    await terminal.press("C-b", "d");
    await terminal.sees(/\[detached/);
    await terminal.enter("exit");
    strictEqual(await terminal.exitCode(), 0);
  }
  await until("the lease is closed", async () => await sallyport.leases() === 0);
  await using again = await sallyport.terminal(login, { command: "tmux attach -t work" });
  await again.sees(new RegExp(`^marked by ${login}$`, "m"));
  await again.enter("tmux kill-server");
  await again.exitCode();
});
