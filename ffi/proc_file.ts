/** Small files under /proc by plain system calls: Deno's own functions want all permissions for them. */

import { OpenFlags, openPath, readInto, writeFrom } from "./descriptor.ts";
import { Errno, SystemError } from "./errno.ts";
import { closeDescriptor } from "./socket.ts";

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

/** When the process `pid` started, in clock ticks since boot (proc(5)); `null` when there is none. */
export function startTimeOf(pid: number): number | null {
  let stat: string;
  try {
    stat = readProcFile(`/proc/${pid}/stat`);
  } catch (error) {
    // It was not there, or ended in between.
    if (error instanceof SystemError && (error.errno === Errno.ENOENT || error.errno === Errno.ESRCH)) {
      return null;
    }
    throw error;
  }
  // Field 22, counted from the last bracket: the command name may contain spaces and brackets.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}
