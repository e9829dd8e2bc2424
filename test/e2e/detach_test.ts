import { match, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

Deno.test("a terminal whose client was cut off is taken up again as it was", async () => {
  await using sallyport = await startSallyport({ config: { host: { detach: "10m" } } });
  const login = newLogin();
  await using lost = await sallyport.terminal(login);
  await lost.sees(/\$ $/m);
  await lost.enter("echo marked by $$");
  const [, shell] = await lost.sees(/^marked by (\d+)$/m);
  await lost.enter("vim.tiny -u NONE -N note");
  await lost.sees(/^~\s*$/m);
  await lost.type("ihello from vim");
  await lost.sees(/^hello from vim\s[^]*^-- INSERT --/m);
  const screen = await lost.visible();
  signal(await lost.pid(), "SIGKILL");
  await until("it is detached", () => sallyport.logs().includes("Detached"));

  await using again = await sallyport.terminal(`${login}+local+attach`);
  await until("the screen is the same", async () => await again.visible() === screen);
  await again.type(" and more");
  await again.press("Escape");
  await again.enter(":wq");
  await again.sees(/\$ $/m);
  await again.enter("echo file: $(cat note), shell: $$");
  const [, text] = await again.sees(/^file: (.*)$/m);
  strictEqual(text, `hello from vim and more, shell: ${shell}`);
  await again.enter("exit 3");
  strictEqual(await again.exitCode(), 3);
  await until("PAM is closed", async () => await sallyport.leases() === 0);
  match(await sallyport.refusal(`${login}+local+attach`), /no session of yours to take up/);
});
