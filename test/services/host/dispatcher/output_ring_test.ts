import assert from "node:assert/strict";
import { OutputRing } from "../../../../services/host/dispatcher/output_ring.ts";

const size = 262_144;

function pattern(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (from + index) % 251);
}

Deno.test("OutputRing keeps everything while it fits", () => {
  const ring = new OutputRing();
  assert.equal(ring.contents().length, 0);
  ring.push(pattern(3_000));
  ring.push(pattern(3_000, 3_000));
  ring.push(new Uint8Array());
  assert.deepEqual(ring.contents(), pattern(6_000));
});

Deno.test("OutputRing keeps the last 256 KiB, in whatever pieces it came", () => {
  for (const piece of [1_000, 4_095, 32_768, size, size + 17, 3 * size]) {
    const ring = new OutputRing();
    let written = 0;
    while (written < 3 * size) {
      ring.push(pattern(piece, written));
      written += piece;
    }
    assert.deepEqual(ring.contents(), pattern(size, written - size), `pieces of ${piece}`);
  }
});
