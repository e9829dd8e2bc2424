/**
 * Starting a program under limits that this process could not live under itself: with fork(2), because posix_spawn(3)
 * has no limits of its own to give, and its caller's have to leave it room for a stack.
 */

import { makePipe, OpenFlags, openPath, readInto, writeFrom } from "./descriptor.ts";
import { SystemError } from "./errno.ts";
import { exitNow, forkProcess } from "./fork.ts";
import { type Limit, limitSetter } from "./limits.ts";
import { becomeAccount } from "./privileges.ts";
import {
  changeDirectory,
  closeOnExecFrom,
  duplicateDescriptor,
  execPrepared,
  restoreAllSignals,
  startSession,
  waitChild,
} from "./process.ts";
import { closeDescriptor } from "./socket.ts";
import type { SpawnOptions } from "./spawn.ts";

const ERRNO_BYTES = 4;
const failureCode = 127;
const standardDescriptors = [0, 1, 2];

/**
 * As `spawn`, in a process that was started with `forkingFlags`.
 *
 * @param limits Set last, so that nothing but the program has to do with them
 * @throws {SystemError} As `spawn`
 * @throws {RangeError} If the descriptors are not three, all above 2: they would be in each other's way
 */
export function spawnLimited(options: SpawnOptions, limits: readonly Limit[]): number {
  requirePlaceable(options.stdio);
  // The child of a process with an engine in it does as little as it can: all memory is taken here.
  const execute = execPrepared(options.path, options.argv, options.environment);
  const setLimits = limits.map(limitSetter);
  const [readEnd, writeEnd] = makePipe();
  let pid: number;
  try {
    pid = forkProcess();
    if (pid === 0) beProgram(options, () => setLimits.forEach((set) => set()), execute, writeEnd);
  } catch (error) {
    closeDescriptor(readEnd);
    throw error;
  } finally {
    closeDescriptor(writeEnd);
  }
  const report = new Uint8Array(new ArrayBuffer(ERRNO_BYTES));
  // Its copy of the pipe's end closes when the program starts.
  const read = readInto(readEnd, report);
  closeDescriptor(readEnd);
  if (read !== ERRNO_BYTES) return pid;
  waitChild(pid);
  throw new SystemError("start of a program", new DataView(report.buffer).getInt32(0, true));
}

function beProgram(
  options: SpawnOptions,
  setLimits: () => void,
  execute: () => never,
  report: number,
): never {
  try {
    restoreAllSignals();
    if (options.newSession) startSession();
    if (options.credentials) becomeAccount(options.credentials);
    if (options.directory !== undefined) changeDirectory(options.directory);
    placeDescriptors(options.stdio);
    closeOnExecFrom(standardDescriptors.length);
    setLimits();
    execute();
  } catch (error) {
    const bytes = new Uint8Array(new ArrayBuffer(ERRNO_BYTES));
    new DataView(bytes.buffer).setInt32(0, error instanceof SystemError ? error.errno : 0, true);
    writeFrom(report, bytes);
  }
  exitNow(failureCode);
}

function requirePlaceable(stdio: SpawnOptions["stdio"]): void {
  if ("tty" in stdio) return;
  const { descriptors } = stdio;
  const count = standardDescriptors.length;
  if (descriptors.length === count && descriptors.every((fd) => fd >= count)) return;
  throw new RangeError(`Cannot place the descriptors ${descriptors.join(", ")}`);
}

function placeDescriptors(stdio: SpawnOptions["stdio"]): void {
  // Without O_NOCTTY: the leader of a new session gets its controlling terminal by opening it.
  const tty = "tty" in stdio ? openPath(stdio.tty, OpenFlags.readWrite) : -1;
  for (const target of standardDescriptors) {
    duplicateDescriptor("tty" in stdio ? tty : stdio.descriptors[target]!, target);
  }
}
