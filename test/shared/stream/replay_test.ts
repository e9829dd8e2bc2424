import assert from "node:assert/strict";
import { ReplayWindow } from "../../../shared/stream/replay.ts";

Deno.test("ReplayWindow accepts each counter once, in any order within the window", () => {
  const window = new ReplayWindow();
  for (const counter of [0, 5, 3, 4_000, 1, 100]) {
    assert.ok(window.isFresh(counter), `${counter}`);
    window.accept(counter);
    assert.equal(window.isFresh(counter), false, `${counter} again`);
  }
});

Deno.test("ReplayWindow refuses what is too old to be remembered", () => {
  const window = new ReplayWindow();
  window.accept(10_000);
  assert.equal(window.isFresh(10_000 - 4_096), false);
  assert.ok(window.isFresh(10_000 - 4_095));
});

Deno.test("ReplayWindow forgets what a jump has passed by", () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < 5_000; counter++) window.accept(counter);
  window.accept(100_000);
  assert.ok(window.isFresh(99_999));
  assert.equal(window.isFresh(4_999), false);
});
