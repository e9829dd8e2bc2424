import { ok } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { signal } from "../support/processes.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

/** What may be on the way at most: the client's SSH window, the stream's window, sockets and pipes. */
const maxOnTheWayBytes = 64_000_000;
const maxGrowthBytes = 100_000_000;

Deno.test("a client that stops reading stops the command, and memory stays where it was", async () => {
  await using sallyport = await startSallyport({ config: { log: { level: "info", format: "json" } } });
  const login = newLogin();
  // The producer counts its own steps of 64 KiB into a file.
  const produce = "i=0; while head -c 65536 /dev/zero; do i=$((i+1)); echo $i > steps; done";
  await sallyport.ssh(login, "true");
  const before = total(sallyport.memory());
  await using client = sallyport.spawn(login, produce);
  const steps = () => Number(Deno.readTextFileSync(`/home/${login}/steps`));
  await until("the command produces", () => steps() > 0);
  signal(client.pid, "SIGSTOP");

  let last = -1;
  await until("the command stands still", () => {
    const still = steps() === last;
    last = steps();
    return still;
  }, { everyMs: 1_000, timeoutMs: 60_000 });
  ok(last * 65_536 < maxOnTheWayBytes, `${last * 65_536} bytes were produced for a client that reads none`);
  const growth = total(sallyport.memory()) - before;
  ok(growth < maxGrowthBytes, `memory grew by ${growth} bytes`);

  signal(client.pid, "SIGCONT");
  const reader = client.stdout.getReader();
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  const stopped = last;
  await until("the command goes on", () => steps() > stopped + 100);
  client.kill("SIGKILL");
  await drained;
  await client.stderr.cancel();
});

function total(sizes: Map<string, number>): number {
  return sizes.values().reduce((sum, bytes) => sum + bytes, 0);
}
