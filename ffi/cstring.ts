/** C strings: how text crosses into C and back. */

const encoder = new TextEncoder();

/**
 * Encodes `text` as a NUL-terminated C string whose address stays valid as long as the array is referenced.
 *
 * The backing store is an explicit `ArrayBuffer`: small typed arrays may live on the V8 heap and move.
 *
 * @throws {TypeError} If `text` contains NUL, which C would silently cut short
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("Cannot pass a string with a NUL character to C");
  const bytes = encoder.encode(text);
  const terminated = new Uint8Array(new ArrayBuffer(bytes.length + 1));
  terminated.set(bytes);
  return terminated;
}

/** As {@link cString} for bytes that need not be UTF-8, such as the command of an SSH `exec` request. */
export function cBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.includes(0)) throw new TypeError("Cannot pass bytes with a NUL to C");
  const terminated = new Uint8Array(new ArrayBuffer(bytes.length + 1));
  terminated.set(bytes);
  return terminated;
}

/** Reads the C string at `pointer`; invalid UTF-8 becomes U+FFFD; a null pointer gives `null`. */
export function readCString(pointer: Deno.PointerValue): string | null {
  return pointer === null ? null : new Deno.UnsafePointerView(pointer).getCString();
}

/** Reads text up to the first NUL of a buffer that C filled. */
export function textUntilNul(buffer: Uint8Array): string {
  const end = buffer.indexOf(0);
  return new TextDecoder().decode(end < 0 ? buffer : buffer.subarray(0, end));
}
