/** Running one of the system's account programs to its end: no shell, no environment of ours, a deadline. */

import { makePipe, OpenFlags, openPath, readInto } from "../../../../ffi/descriptor.ts";
import type { FileLock } from "../../../../ffi/flock.ts";
import { describeEnd, killProcess, pidfdOpen, poll, waitChild } from "../../../../ffi/process.ts";
import { closeDescriptor, setNonBlocking } from "../../../../ffi/socket.ts";
import { spawn } from "../../../../ffi/spawn.ts";
import { signalNumbers } from "../../../../shared/protocol/names.ts";

/** Where Debian, Fedora and their like keep them; nobody but root writes there. */
const programFolders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const environment = [`PATH=${programFolders.join(":")}`, "LC_ALL=C"];
/** useradd(8) waits 15 s for another program's lock on /etc/passwd (lckpwdf(3)). */
const defaultDeadlineMs = 30_000;
/** What a program says goes into one line of the log. */
const maxOutputBytes = 2_048;

/** Absolute path of a program such as `useradd`, or `null` when it is not installed. */
export function findProgram(name: string): string | null {
  return programFolders.map((folder) => `${folder}/${name}`).find(isFile) ?? null;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

export interface ProgramOptions {
  /** The program holds it too, so that it stays locked if this process dies before the program. */
  lock?: FileLock;
  /** Milliseconds after which the program is killed. @default {30_000} */
  deadlineMs?: number;
  /** Exit codes that are an answer rather than a failure, beside 0. */
  accepted?: number[];
}

/**
 * Runs the program `name`, bare as in {@link findProgram}, with `args`.
 *
 * @returns The exit code: 0, or one of `accepted`
 * @throws {Error} With what the program said, for any other end, past the deadline, or when it is not installed
 */
export function runProgram(name: string, args: string[], options: ProgramOptions = {}): number {
  const { lock, deadlineMs = defaultDeadlineMs, accepted = [] } = options;
  const path = findProgram(name);
  if (path === null) throw new Error(`Cannot run ${name}: it is not installed`);
  const nothing = openPath("/dev/null", OpenFlags.readOnly);
  const [readEnd, writeEnd] = makePipe();
  try {
    let pid: number;
    try {
      pid = spawn({
        path,
        argv: [name, ...args],
        environment,
        directory: "/",
        stdio: { descriptors: [nothing, writeEnd, writeEnd, ...(lock ? [lock.fd] : [])] },
        newSession: false,
      });
    } finally {
      closeDescriptor(writeEnd);
    }
    const { output, isLate } = watch(pid, readEnd, deadlineMs);
    const end = waitChild(pid);
    const said = output === "" ? "it said nothing" : output;
    if (isLate) throw new Error(`Cannot wait for ${name} longer than ${deadlineMs} ms: ${said}`);
    if (end && "code" in end && (end.code === 0 || accepted.includes(end.code))) return end.code;
    throw new Error(`${name} ended with ${end ? describeEnd(end) : "nobody knows what"}: ${said}`);
  } finally {
    closeDescriptor(readEnd);
    closeDescriptor(nothing);
  }
}

/** Until the program itself has ended; what it started may go on, and holds the pipe for no one's sake. */
function watch(pid: number, readEnd: number, deadlineMs: number): { output: string; isLate: boolean } {
  setNonBlocking(readEnd, true);
  const buffer = new Uint8Array(new ArrayBuffer(maxOutputBytes));
  const decoder = new TextDecoder();
  let output = "";
  let isOpen = true;
  const read = () => {
    for (;;) {
      const length = readInto(readEnd, buffer);
      if (length === "end") isOpen = false;
      if (typeof length !== "number") return;
      output = (output + decoder.decode(buffer.subarray(0, length))).slice(0, maxOutputBytes);
    }
  };
  const deadline = performance.now() + deadlineMs;
  const pidfd = pidfdOpen(pid);
  try {
    for (;;) {
      const remainingMs = Math.ceil(deadline - performance.now());
      if (remainingMs <= 0) {
        killProcess(pid, signalNumbers.KILL);
        return { output: oneLine(output), isLate: true };
      }
      const [hasEnded] = poll([{ fd: pidfd }, { fd: isOpen ? readEnd : -1 }], remainingMs);
      if (isOpen) read();
      if (hasEnded) return { output: oneLine(output), isLate: false };
    }
  } finally {
    closeDescriptor(pidfd);
  }
}

function oneLine(text: string): string {
  return text.trim().split(/\s*\n\s*/).join("; ");
}
