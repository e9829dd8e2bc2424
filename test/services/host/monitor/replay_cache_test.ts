import assert from "node:assert/strict";
import { ReplayCache } from "../../../../services/host/monitor/replay_cache.ts";

Deno.test("ReplayCache.admit() admits an id once", () => {
  const cache = new ReplayCache(1_000, 10);
  assert.equal(cache.admit("a", 0), "fresh");
  assert.equal(cache.admit("b", 1), "fresh");
  assert.equal(cache.admit("a", 999), "replayed");
});

Deno.test("ReplayCache.admit() does not lengthen an id's time when it is replayed", () => {
  const cache = new ReplayCache(1_000, 10);
  cache.admit("a", 0);
  cache.admit("a", 900);
  assert.equal(cache.admit("a", 1_000), "fresh");
});

Deno.test("ReplayCache.admit() admits nothing when it is full, and again when time has passed", () => {
  const cache = new ReplayCache(1_000, 2);
  cache.admit("a", 0);
  cache.admit("b", 500);
  assert.equal(cache.admit("c", 600), "full");
  assert.equal(cache.admit("a", 600), "replayed");
  assert.equal(cache.admit("c", 1_000), "fresh");
  assert.equal(cache.admit("d", 1_000), "full");
});
