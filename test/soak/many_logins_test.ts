import { deepStrictEqual, ok } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

/** V8 needs half of them to find its size. */
const blocks = 16;
const loginsPerBlock = 800;
const atOnce = 8;

/** The runtime makes itself a socket pair at a time of its own choice. */
const runtimeSockets = 2;

const lasting = ["broker", "gateway", "monitor", "dispatcher"] as const;

interface Sample {
  descriptors: number[];
  memoryBytes: number;
}

function sample(sallyport: Sallyport): Sample {
  const sizes = sallyport.memory();
  const pids = lasting.map((role) => [role, sallyport.process(role).pid] as const);
  return {
    descriptors: pids.map(([, pid]) => Array.from(Deno.readDirSync(`/proc/${pid}/fd`)).length),
    memoryBytes: pids.reduce((sum, [role, pid]) => sum + (sizes.get(`${role} ${pid}`) ?? 0), 0),
  };
}

Deno.test(`${blocks * loginsPerBlock} logins leave neither memory nor descriptors nor leases behind`, async () => {
  await using sallyport = await startSallyport({ config: { log: { level: "warning", format: "json" } } });
  const login = newLogin();
  const samples: Sample[] = [];
  for (let block = 0; block < blocks; block++) {
    for (let done = 0; done < loginsPerBlock; done += atOnce) {
      const results = await Promise.all(
        Array.from({ length: atOnce }, () => sallyport.ssh(login, "seq 1 1000; exit 3")),
      );
      deepStrictEqual(results.filter(({ code, stdout }) => code !== 3 || stdout.length !== 3_893), []);
    }
    await until("no lease is left", async () => await sallyport.leases() === 0);
    samples.push(sample(sallyport));
  }
  // V8 takes memory and gives it back as it likes; a leak would lift every later sample above every earlier one.
  const memory = samples.map(({ memoryBytes }) => memoryBytes);
  const [early, late] = [memory.slice(0, blocks / 2), memory.slice(blocks / 2)];
  ok(Math.min(...late) < Math.max(...early), `memory went ${memory.join(", ")}`);
  const [first, last] = [samples.at(0)!, samples.at(-1)!];
  ok(
    last.descriptors.every((count, index) => count <= first.descriptors[index]! + runtimeSockets),
    `descriptors went from ${first.descriptors} to ${last.descriptors}`,
  );
});
