import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { firstLines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { isAlive, processTree, signal } from "../support/processes.ts";
import { roleOf, startSallyport } from "../support/sallyport.ts";
import { creatingStack, writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

Deno.test("when start is killed its parts end, PAM is closed, and the ports are free", async () => {
  const folder = await Deno.makeTempDir({ prefix: "start-" });
  const tally = `${folder}/tally`;
  const script = await writeScript(folder, "count", `#!/bin/sh\necho $PAM_TYPE >> ${tally}\n`);
  const stack = await creatingStack(folder, [`session required pam_exec.so ${script}`]);
  await using sallyport = await startSallyport({ stack, config: { host: { hangup_grace: 1 } } });
  await using client = sallyport.spawn(newLogin(), "echo up; exec cat");
  await firstLines(client.stdout, 1);
  const parts = processTree(sallyport.child.pid).filter((process) => roleOf(process) !== null);
  signal(sallyport.child.pid, "SIGKILL");
  await until("every part has ended", () => !parts.some(({ pid }) => isAlive(pid)), { timeoutMs: 15_000 });
  deepStrictEqual(Deno.readTextFileSync(tally).trim().split("\n"), ["open_session", "close_session"]);
  strictEqual(await sallyport.leases(), 0);
  Deno.listen({ hostname: "127.0.0.1", port: sallyport.port }).close();
  strictEqual((await client.status).code, 255);
  await client.stderr.cancel();
  await Deno.remove(folder, { recursive: true });
});

for (const role of ["broker", "dispatcher", "monitor", "gateway"] as const) {
  Deno.test(`SIGHUP does not end the ${role}`, async () => {
    await using sallyport = await startSallyport();
    const { pid } = sallyport.process(role);
    signal(pid, "SIGHUP");
    strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
    strictEqual(sallyport.process(role).pid, pid);
  });
}
