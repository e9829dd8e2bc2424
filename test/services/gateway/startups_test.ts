import assert from "node:assert/strict";
import { dropsStartup } from "../../../services/gateway/startups.ts";

const limit = { start: 100, rate: 30, full: 500 };

Deno.test("dropsStartup() drops nobody below start", () => {
  assert.equal(dropsStartup(99, limit, 0), false);
});

Deno.test("dropsStartup() drops the rate at start", () => {
  assert.equal(dropsStartup(100, limit, 0.29), true);
  assert.equal(dropsStartup(100, limit, 0.31), false);
});

Deno.test("dropsStartup() rises linearly between start and full", () => {
  assert.equal(dropsStartup(300, limit, 0.64), true);
  assert.equal(dropsStartup(300, limit, 0.66), false);
});

Deno.test("dropsStartup() drops everybody at full", () => {
  assert.equal(dropsStartup(500, limit, 0.999999), true);
});
