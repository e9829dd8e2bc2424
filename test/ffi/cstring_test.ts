import assert from "node:assert/strict";
import { cBytes, cString, readCString, textUntilNul } from "../../ffi/cstring.ts";

Deno.test("cString() and readCString() carry text into C and back", () => {
  for (const text of ["", "a", "zwei Wörter", "🚪".repeat(1000)]) {
    const bytes = cString(text);
    assert.equal(bytes.at(-1), 0);
    assert.equal(readCString(Deno.UnsafePointer.of(bytes)), text);
  }
});

Deno.test("readCString() gives null for a null pointer, and U+FFFD for what is not UTF-8", () => {
  assert.equal(readCString(null), null);
  assert.equal(readCString(Deno.UnsafePointer.of(Uint8Array.of(0x63, 0xe9, 0))), "c\u{fffd}");
});

Deno.test("cString() and cBytes() refuse what C would cut short", () => {
  assert.throws(() => cString("a\0b"), TypeError);
  assert.throws(() => cBytes(Uint8Array.of(0x61, 0)), TypeError);
});

Deno.test("cBytes() takes bytes as they are, and leaves the ones given alone", () => {
  const given = Uint8Array.of(0xff, 0x41);
  const bytes = cBytes(given);
  assert.deepEqual([...bytes], [0xff, 0x41, 0]);
  bytes.fill(0);
  assert.deepEqual([...given], [0xff, 0x41]);
});

Deno.test("textUntilNul() reads up to the first NUL, or all", () => {
  const bytes = new TextEncoder().encode("/dev/pts/0\0rubbish");
  assert.equal(textUntilNul(bytes), "/dev/pts/0");
  assert.equal(textUntilNul(bytes.subarray(0, 4)), "/dev");
});
