import assert from "node:assert/strict";
import { readCString } from "../../ffi/cstring.ts";
import { cStringVector } from "../../ffi/vector.ts";

function readBack(vector: Uint8Array<ArrayBuffer>): string[] {
  const view = new DataView(vector.buffer);
  const strings: string[] = [];
  for (let offset = 0;; offset += 8) {
    const address = view.getBigUint64(offset, true);
    if (address === 0n) return strings;
    strings.push(readCString(Deno.UnsafePointer.create(address)) ?? "");
  }
}

Deno.test("cStringVector() gives C an array of strings that ends with NULL", () => {
  const strings = ["-bash", "", "zwei Wörter", "x".repeat(100_000)];
  assert.deepEqual(readBack(cStringVector(strings)), strings);
  assert.deepEqual(readBack(cStringVector([])), []);
});

Deno.test("cStringVector() takes bytes as they are", () => {
  const vector = cStringVector([Uint8Array.of(0xff, 0x41)]);
  assert.deepEqual([...vector.subarray(16)], [0xff, 0x41, 0]);
});

Deno.test("cStringVector() refuses what C would cut short", () => {
  assert.throws(() => cStringVector(["a\0b"]), TypeError);
  assert.throws(() => cStringVector([Uint8Array.of(0x61, 0)]), TypeError);
});
