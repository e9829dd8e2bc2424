import assert from "node:assert/strict";
import { SteadyClock } from "../../shared/steady_clock.ts";

Deno.test("SteadyClock.now() begins at the wall clock and counts time as it passes, in whole milliseconds", () => {
  const clock = new SteadyClock(1_800_000_000_000, 500.25);
  assert.equal(clock.now(500.25), 1_800_000_000_000);
  assert.equal(clock.now(61_500.5), 1_800_000_061_000);
});

Deno.test("SteadyClock.now() does not follow a wall clock that is set back", () => {
  const { now } = Date;
  try {
    const clock = new SteadyClock();
    const before = clock.now();
    Date.now = () => now() - 3_600_000;
    assert.ok(clock.now() >= before);
  } finally {
    Date.now = now;
  }
});
