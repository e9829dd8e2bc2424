/** Small files under /proc by plain system calls: Deno's own functions want all permissions for them. */

import { OpenFlags, openPath, readInto, writeFrom } from "../../../ffi/descriptor.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";

/** No file read here is longer. */
const maxProcFileBytes = 4_096;

/** @throws {SystemError} */
export function readProcFile(path: string): string {
  const descriptor = openPath(path, OpenFlags.readOnly);
  try {
    const buffer = new Uint8Array(new ArrayBuffer(maxProcFileBytes));
    const length = readInto(descriptor, buffer);
    return typeof length === "number" ? new TextDecoder().decode(buffer.subarray(0, length)) : "";
  } finally {
    closeDescriptor(descriptor);
  }
}

/** @throws {SystemError} */
export function writeProcFile(path: string, text: string): void {
  const descriptor = openPath(path, OpenFlags.writeOnly);
  try {
    writeFrom(descriptor, new Uint8Array(new TextEncoder().encode(text)));
  } finally {
    closeDescriptor(descriptor);
  }
}
