import { deepStrictEqual, ok } from "node:assert/strict";
import { makeBareAccounts, newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { startSallyport } from "../support/sallyport.ts";
import { writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

/** More of them than the host lets into PAM at one time. */
const hanging = 12;
const limits = { max_opening: 8, LoginGraceTime: 4, hangup_grace: 1, close_timeout: 2 };
/** Far less than the time after which a hanging login gives its place up. */
const normalMs = 3_000;

Deno.test("a login whose stack hangs, many times over, leaves places for everybody else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hanging-" });
  const [hanger, ...others] = [newLogin(), newLogin(), newLogin(), newLogin()];
  await makeBareAccounts([hanger, ...others]);
  const met = `${folder}/met`;
  await Deno.writeTextFile(met, "");
  const text = `#!/bin/sh\n[ "$PAM_USER" != ${hanger} ] || { echo met >> ${met}; exec sleep infinity; }\n`;
  const hang = await writeScript(folder, "hang", text);
  const stack = `account required pam_exec.so quiet ${hang}\nsession required pam_permit.so\n`;
  await using sallyport = await startSallyport({
    stack,
    config: { host: limits, gateway: { MaxStartups: "100:30:200" } },
  });
  const clients = Array.from({ length: hanging }, () => sallyport.spawn(hanger, "true"));
  const share = limits.max_opening / 2;
  await until("the stack hangs", () => Deno.readTextFileSync(met).split("\n").length - 1 === share);
  const before = performance.now();
  const results = await Promise.all(others.map((login) => sallyport.ssh(login, "exit 7")));
  const tookMs = performance.now() - before;
  deepStrictEqual(results.map(({ code }) => code), others.map(() => 7));
  ok(tookMs < normalMs, `${tookMs} ms`);
  for (const { pid } of clients) signal(pid, "SIGKILL");
  for (const client of clients) {
    await client.status;
    await Promise.all([client.stdout.cancel(), client.stderr.cancel(), client.stdin.close().catch(() => {})]);
  }
  await until("no lease is left", async () => await sallyport.leases() === 0, { timeoutMs: 20_000 });
  await Deno.remove(folder, { recursive: true });
});
