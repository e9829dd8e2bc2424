import assert from "node:assert/strict";
import { Ticker } from "../../../shared/stream/ticker.ts";

/** A clock that ticks when told to. */
function manualClock() {
  let tick: (() => void) | undefined;
  return {
    now: () => 0,
    every: (_ms: number, run: () => void) => {
      tick = run;
      return () => tick = undefined;
    },
    tick: () => tick?.(),
    get isRunning() {
      return tick !== undefined;
    },
  };
}

Deno.test("Ticker runs its timer only while somebody waits", () => {
  const clock = manualClock();
  const ticker = new Ticker(clock);
  let left = 2;
  assert.equal(clock.isRunning, false);
  ticker.add({ tick: () => --left > 0 });
  assert.ok(clock.isRunning);
  clock.tick();
  clock.tick();
  assert.equal(left, 0);
  assert.equal(clock.isRunning, false);
});

Deno.test("Ticker keeps one that is added again while it is called", () => {
  const clock = manualClock();
  const ticker = new Ticker(clock);
  let calls = 0;
  const waiter = {
    tick: () => {
      if (calls++ === 0) ticker.add(waiter);
      return false;
    },
  };
  ticker.add(waiter);
  clock.tick();
  clock.tick();
  assert.equal(calls, 2);
  assert.equal(clock.isRunning, false);
});

Deno.test("Ticker does not call one that was removed by another in the same turn", () => {
  const clock = manualClock();
  const ticker = new Ticker(clock);
  let called = false;
  const second = { tick: () => called = true };
  ticker.add({
    tick: () => {
      ticker.remove(second);
      return false;
    },
  });
  ticker.add(second);
  clock.tick();
  assert.equal(called, false);
});
