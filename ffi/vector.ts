/** NULL-terminated arrays of C strings: the shape of argv and environ. */

import { cBytes, cString } from "./cstring.ts";

const POINTER_BYTES = 8;

/**
 * Packs `items` into one buffer: first the `char *` array with its closing NULL, then the strings it points at.
 *
 * One buffer, because whoever passes it to C keeps every string alive with it.
 *
 * @throws {TypeError} If an item contains NUL
 */
export function cStringVector(items: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const strings = items.map((item) => typeof item === "string" ? cString(item) : cBytes(item));
  const tableBytes = (strings.length + 1) * POINTER_BYTES;
  const totalBytes = strings.reduce((sum, string) => sum + string.length, tableBytes);
  const packed = new Uint8Array(new ArrayBuffer(totalBytes));
  const table = new DataView(packed.buffer);
  const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(packed)));
  let offset = tableBytes;
  for (const [index, string] of strings.entries()) {
    table.setBigUint64(index * POINTER_BYTES, address + BigInt(offset), true);
    packed.set(string, offset);
    offset += string.length;
  }
  return packed;
}
