import { deepStrictEqual, ok } from "node:assert/strict";
import { closeAlways } from "../support/close_always.ts";

const leases = 200;

Deno.test(`of ${leases} leases that end in every way there is, each that opened is closed`, async () => {
  const seed = Number(Deno.env.get("SALLYPORT_TEST_SEED") ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  const { faults, logs, ...counts } = await closeAlways(leases, 1, seed);
  if (faults.length > 0) throw new Error(`${faults.join("\n")}\nThe service said:\n${logs.slice(-200_000)}`);
  console.log(counts);
  deepStrictEqual(counts.opened, counts.closed);
  ok(counts.opened > leases / 2, JSON.stringify(counts));
});
