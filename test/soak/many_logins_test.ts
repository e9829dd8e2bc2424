import { deepStrictEqual, ok } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

const logins = 2_000;
const atOnce = 8;
/** What V8 may keep for later; a leak of 10 KB a login would be 20 MB. */
const maxGrowthBytes = 40_000_000;

/** The runtime makes itself a socket pair at a time of its own choice. */
const runtimeSockets = 2;

const lasting = ["broker", "gateway", "monitor", "dispatcher"] as const;

function descriptors(sallyport: Sallyport): number[] {
  return lasting.map((role) =>
    Array.from(Deno.readDirSync(`/proc/${sallyport.process(role).pid}/fd`)).length
  );
}

function memory(sallyport: Sallyport): number {
  const sizes = sallyport.memory();
  return lasting.reduce((sum, role) => sum + (sizes.get(`${role} ${sallyport.process(role).pid}`) ?? 0), 0);
}

Deno.test(`${logins} logins leave neither memory nor descriptors nor leases behind`, async () => {
  await using sallyport = await startSallyport({ config: { log: { level: "warning", format: "json" } } });
  const login = newLogin();
  const logIn = async (count: number) => {
    for (let done = 0; done < count; done += atOnce) {
      const results = await Promise.all(
        Array.from({ length: atOnce }, () => sallyport.ssh(login, "seq 1 1000; exit 3")),
      );
      deepStrictEqual(results.filter(({ code, stdout }) => code !== 3 || stdout.length !== 3_893), []);
    }
    await until("no lease is left", async () => await sallyport.leases() === 0);
  };
  await logIn(200);
  const before = { descriptors: descriptors(sallyport), memory: memory(sallyport) };
  await logIn(logins);
  await until(
    "no descriptor is left",
    () => descriptors(sallyport).every((n, i) => n <= before.descriptors[i]! + runtimeSockets),
  );
  const growth = memory(sallyport) - before.memory;
  ok(growth < maxGrowthBytes, `memory grew by ${growth} bytes`);
});
