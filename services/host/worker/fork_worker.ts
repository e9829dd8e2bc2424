/** One worker by fork(2), in the state in which a spawned one starts. */

import { makePipe, readInto, writeFrom } from "../../../ffi/descriptor.ts";
import { exitNow, forkProcess } from "../../../ffi/fork.ts";
import { keepOnly, killProcess, poll, restoreSignals, SIGCHLD, startSession } from "../../../ffi/process.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import { describeCause } from "./cause.ts";
import { serveLease } from "./lease.ts";

const socketDescriptor = 3;
const standardError = 2;
/** A child needs a millisecond or two. */
const readyMs = 1_000;
/** A child that dies before it is ready has met a mapping that was made during the fork. */
const attempts = 3;

/**
 * Forks a worker that serves one lease on a copy of `socket`.
 *
 * @returns Its pid, once it runs
 * @throws {SystemError} If there can be no process more
 * @throws {Error} If none of several children came up
 */
export function forkWorker(settings: HostSettings, socket: number): number {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const [readEnd, writeEnd] = makePipe();
    const pid = forkProcess();
    if (pid === 0) beWorker(settings, socket, writeEnd);
    closeDescriptor(writeEnd);
    const isUp = hears(readEnd);
    closeDescriptor(readEnd);
    if (isUp) return pid;
    killProcess(pid, signalNumbers.KILL);
  }
  throw new Error(`Cannot fork a worker: ${attempts} children in turn did not come up`);
}

/** Whether the child says that it is up, rather than nothing or its end. */
function hears(readEnd: number): boolean {
  const [events] = poll([{ fd: readEnd }], readyMs);
  return events !== 0 && typeof readInto(readEnd, new Uint8Array(new ArrayBuffer(1))) === "number";
}

/** What {@link ./main.ts} does, in a process that was not spawned; it must never go on as the zygote it was. */
function beWorker(settings: HostSettings, socket: number, ready: number): never {
  try {
    restoreSignals([SIGCHLD]);
    startSession();
    writeFrom(ready, new Uint8Array(new ArrayBuffer(1)));
    keepOnly(socket, socketDescriptor);
    serveLease(settings, socketDescriptor);
  } catch (error) {
    try {
      const text = `A worker has failed: ${describeCause(error)}\n`;
      writeFrom(standardError, new Uint8Array(new TextEncoder().encode(text)));
    } finally {
      exitNow(1);
    }
  }
  exitNow(0);
}
