import assert from "node:assert/strict";
import { kernelRandom } from "../../ffi/random.ts";

Deno.test("kernelRandom() fills as many bytes as asked for, differently each time", () => {
  const drawn = Array.from({ length: 20 }, () => kernelRandom(256));
  assert.equal(new Set(drawn.map((bytes) => bytes.toHex())).size, 20);
  // 5120 bytes without one of the 256 values: less likely than 1 in a million.
  assert.equal(new Set(drawn.flatMap((bytes) => [...bytes])).size, 256);
  assert.equal(kernelRandom(0).length, 0);
});

Deno.test("kernelRandom() refuses more than the kernel gives in one piece", () => {
  assert.throws(() => kernelRandom(257), RangeError);
});
