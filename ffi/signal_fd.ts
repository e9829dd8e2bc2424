/** Signals as something to wait for beside descriptors: signalfd(2). */

import { readInto } from "./descriptor.ts";
import { SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // int sigemptyset(sigset_t *set) <signal.h>
  sigemptyset: { parameters: ["buffer"], result: "i32" },
  // int sigaddset(sigset_t *set, int signum) <signal.h>
  sigaddset: { parameters: ["buffer", "i32"], result: "i32" },
  // int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset) <signal.h>
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int signalfd(int fd, const sigset_t *mask, int flags) <sys/signalfd.h>
  signalfd: { parameters: ["i32", "buffer", "i32"], result: "i32" },
});

/** SIG_BLOCK <bits/sigaction.h> */
const SIG_BLOCK = 0;
/** sizeof(sigset_t) <bits/types/__sigset_t.h> */
const SIGNAL_SET_BYTES = 128;
/** SFD_CLOEXEC | SFD_NONBLOCK <bits/signalfd.h> */
const SFD_FLAGS = 0o2000000 | 0o4000;
/** struct signalfd_siginfo <sys/signalfd.h>: 128 bytes, uint32_t ssi_signo @0. */
const SIGINFO_BYTES = 128;

function signalSet(signals: number[]): Uint8Array<ArrayBuffer> {
  const set = new Uint8Array(new ArrayBuffer(SIGNAL_SET_BYTES));
  libc().sigemptyset(set);
  for (const signal of signals) unwrap("sigaddset", libc().sigaddset(set, signal));
  return set;
}

/**
 * Holds `signals` (numbers) back in the calling thread, in those it starts, and in the program it becomes (execve(2)).
 * Any other thread that exists already would take them with their default effect: block them before there is one.
 *
 * @throws {SystemError} EINVAL
 */
export function blockSignals(signals: number[]): void {
  const before = new Uint8Array(new ArrayBuffer(SIGNAL_SET_BYTES));
  const errno = libc().pthread_sigmask(SIG_BLOCK, signalSet(signals), before);
  if (errno !== 0) throw new SystemError("pthread_sigmask", errno);
}

/** A descriptor that is readable while one of the blocked `signals` waits; close it after use. @throws {SystemError} */
export function openSignals(signals: number[]): number {
  return unwrap("signalfd", libc().signalfd(-1, signalSet(signals), SFD_FLAGS));
}

/** Takes the next signal off a descriptor of {@link openSignals}. @returns Its number, or `null` when none waits */
export function takeSignal(fd: number): number | null {
  const info = new Uint8Array(new ArrayBuffer(SIGINFO_BYTES));
  return readInto(fd, info) === SIGINFO_BYTES ? new DataView(info.buffer).getUint32(0, true) : null;
}
