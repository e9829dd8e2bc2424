import assert from "node:assert/strict";
import { BackOff } from "../../../../services/host/monitor/back_off.ts";

Deno.test("BackOff doubles its pauses up to the longest, as long as what is started ends at once", () => {
  const pauses: number[] = [];
  let starts = 0;
  const loop = {
    after(delayMs: number, run: () => void) {
      pauses.push(delayMs);
      run();
      return () => {};
    },
  };
  const backOff = new BackOff(loop, 5_000);
  for (let round = 0; round < 5; round++) {
    backOff.started();
    backOff.startAgain(() => starts++);
  }
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 5_000, 5_000]);
  assert.equal(starts, 5);
});
