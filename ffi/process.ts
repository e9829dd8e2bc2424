/** Processes: watching, waiting for, signalling and replacing them, and the limits they inherit. */

import { cString } from "./cstring.ts";
import { namesIn } from "./directory.ts";
import { Errno, lastErrno, SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";
import { cStringVector } from "./vector.ts";

export { getLimit, setLimit, setUmask } from "./limits.ts";

const libc = library(C_LIBRARY, {
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout) <poll.h>
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // pid_t waitpid(pid_t pid, int *wstatus, int options) <sys/wait.h>
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int kill(pid_t pid, int sig) <signal.h>
  kill: { parameters: ["i32", "i32"], result: "i32" },
  // sighandler_t signal(int signum, sighandler_t handler) <signal.h>
  signal: { parameters: ["i32", "usize"], result: "isize" },
  // pid_t getpid(void) <unistd.h>
  getpid: { parameters: [], result: "i32" },
  // pid_t setsid(void) <unistd.h>
  setsid: { parameters: [], result: "i32" },
  // int dup2(int oldfd, int newfd) <unistd.h>
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5) <sys/prctl.h>
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // long syscall(long number, long arg1, long arg2, long arg3) <unistd.h>
  syscall: { parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
  // unsigned int alarm(unsigned int seconds) <unistd.h>
  alarm: { parameters: ["u32"], result: "u32" },
  // int fcntl(int fd, int op, int arg) <fcntl.h>
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int chdir(const char *path) <unistd.h>
  chdir: { parameters: ["buffer"], result: "i32" },
  // int sigemptyset(sigset_t *set) <signal.h>
  sigemptyset: { parameters: ["buffer"], result: "i32" },
  // int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset) <signal.h>
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int execve(const char *pathname, char *const argv[], char *const envp[]) <unistd.h>
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
});

/** Conditions of poll(2), from <asm-generic/poll.h>. */
export const PollEvents = { in: 0x1, out: 0x4, error: 0x8, hangUp: 0x10, invalid: 0x20 } as const;

/** struct pollfd <poll.h>: int fd @0, short events @4, short revents @6. */
const POLLFD_BYTES = 8;

/**
 * Blocks the thread until a descriptor is ready; a signal does not end the wait.
 *
 * @param entries A negative `fd` is skipped; `events` is `PollEvents.in` when left out
 * @param timeoutMs In milliseconds; -1 waits for ever, 0 not at all
 * @returns The conditions that hold, one number per entry; all 0 when the time has passed
 * @throws {SystemError} ENOMEM, or EINVAL for more entries than RLIMIT_NOFILE
 */
export function poll(entries: { fd: number; events?: number }[], timeoutMs: number): number[] {
  const view = new DataView(new ArrayBuffer(Math.max(1, entries.length) * POLLFD_BYTES));
  for (const [index, { fd, events }] of entries.entries()) {
    view.setInt32(index * POLLFD_BYTES, fd, true);
    view.setInt16(index * POLLFD_BYTES + 4, events ?? PollEvents.in, true);
  }
  const pollfds = new Uint8Array(view.buffer);
  const deadline = performance.now() + timeoutMs;
  let remainingMs = timeoutMs;
  while (libc().poll(pollfds, BigInt(entries.length), remainingMs) < 0) {
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("poll", errno);
    if (timeoutMs > 0) remainingMs = Math.max(0, Math.ceil(deadline - performance.now()));
  }
  return entries.map((_, index) => view.getInt16(index * POLLFD_BYTES + 6, true));
}

/** How a child ended: by exit(3), or by a signal. */
export type ChildEnd = { code: number } | { signal: number; coreDumped: boolean };

/** For a log or a message: `exit code 9` or `signal 15`. */
export function describeEnd(end: ChildEnd): string {
  return "code" in end ? `exit code ${end.code}` : `signal ${end.signal}`;
}

/** <bits/waitflags.h> */
const WNOHANG = 1;

/**
 * Waits for a child of this process and takes its exit status, which removes the zombie.
 *
 * @param options.noHang Returns at once instead of blocking the thread
 * @returns `null` if the child is still running (only with `noHang`)
 * @throws {SystemError} ECHILD if it is not a child of this process, or was waited for already
 */
export function waitChild(pid: number, options: { noHang?: boolean } = {}): ChildEnd | null {
  const wstatus = new Int32Array(1);
  for (;;) {
    const waited = libc().waitpid(pid, wstatus, options.noHang ? WNOHANG : 0);
    if (waited > 0) return decodeStatus(wstatus[0] ?? 0);
    if (waited === 0) return null;
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("waitpid", errno);
  }
}

/** WIFEXITED, WEXITSTATUS, WTERMSIG and WCOREDUMP of <bits/waitstatus.h>. */
function decodeStatus(wstatus: number): ChildEnd {
  const signal = wstatus & 0x7f;
  if (signal === 0) return { code: (wstatus >> 8) & 0xff };
  return { signal, coreDumped: (wstatus & 0x80) !== 0 };
}

/** Numbers shared by all 64-bit Linux architectures, from <asm-generic/unistd.h>. */
const Syscall = { pidfdOpen: 434n, closeRange: 436n } as const;

/**
 * Opens a descriptor that becomes readable when the process `pid` ends (pidfd_open(2); Linux 5.3); it is CLOEXEC.
 *
 * @throws {SystemError} ESRCH if there is no such process
 */
export function pidfdOpen(pid: number): number {
  return unwrap("pidfd_open", libc().syscall(Syscall.pidfdOpen, BigInt(pid), 0n, 0n));
}

/**
 * Sends a signal to a process, or with a negative `pid` to the process group `-pid`; signal 0 only asks whether it exists.
 *
 * @returns `false` if there is no such process or group
 * @throws {SystemError} EPERM, or EINVAL for an unknown signal
 */
export function killProcess(pid: number, signal: number): boolean {
  // 0 and -1 mean "my own group" and "everybody" in kill(2), which nobody here wants.
  if (pid === 0 || pid === -1) throw new RangeError(`Cannot signal process ${pid}`);
  if (libc().kill(pid, signal) === 0) return true;
  const errno = lastErrno();
  if (errno === Errno.ESRCH) return false;
  throw new SystemError("kill", errno);
}

/** This process, even after a fork: `Deno.pid` remembers the first answer. */
export function processId(): number {
  return libc().getpid();
}

/** Leaves the terminal and the process group (setsid(2)). @throws {SystemError} EPERM for the leader of a group */
export function startSession(): void {
  unwrap("setsid", libc().setsid());
}

/** Has the kernel send SIGALRM in `seconds`, which ends a process that does nothing about it; 0 takes it back. */
export function setAlarm(seconds: number): void {
  libc().alarm(seconds);
}

/** SIG_DFL and SIG_IGN <bits/signum-generic.h> */
const SIG_DFL = 0n;
const SIG_IGN = 1n;

/** SIGCHLD <bits/signum-arch.h>. Ignored, it makes the kernel reap children, and waitpid(2) of no use. */
export const SIGCHLD = 17;

/** SIGXFSZ <bits/signum-arch.h> */
export const SIGXFSZ = 25;

/** Gives `signals` (numbers) their default effect. @throws {SystemError} EINVAL */
export function restoreSignals(signals: number[]): void {
  for (const signal of signals) unwrap("signal", libc().signal(signal, SIG_DFL));
}

/** SIGRTMAX <bits/signum-generic.h>, SIG_SETMASK <bits/sigaction.h>, sizeof(sigset_t) */
const SIGRTMAX = 64;
const SIG_SETMASK = 2;
const SIGNAL_SET_BYTES = 128;

/** Gives every signal its default effect and lets it through, as a program expects that is started. */
export function restoreAllSignals(): void {
  // EINVAL for SIGKILL and SIGSTOP, which always have theirs, and for the two that glibc keeps for itself.
  for (let signal = 1; signal <= SIGRTMAX; signal++) libc().signal(signal, SIG_DFL);
  const none = new Uint8Array(new ArrayBuffer(SIGNAL_SET_BYTES));
  libc().sigemptyset(none);
  libc().pthread_sigmask(SIG_SETMASK, none, new Uint8Array(new ArrayBuffer(SIGNAL_SET_BYTES)));
}

/**
 * Makes the process deaf to `signals` (numbers). Children started by `spawn` get the defaults back.
 *
 * @throws {SystemError} EINVAL for an unknown signal, SIGKILL or SIGSTOP
 */
export function ignoreSignals(signals: number[]): void {
  for (const signal of signals) {
    // SIG_ERR is -1; an earlier handler's address is never negative in user space.
    unwrap("signal", libc().signal(signal, SIG_IGN));
  }
}

/** PR_SET_CHILD_SUBREAPER <linux/prctl.h> */
const PR_SET_CHILD_SUBREAPER = 36;

/** Makes orphaned descendants children of this process rather than of init (prctl(2)). */
export function setChildSubreaper(): void {
  unwrap("prctl", libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n));
}

/** CLOSE_RANGE_CLOEXEC <linux/close_range.h>; Linux 5.11. */
const CLOSE_RANGE_CLOEXEC = 4n;
const HIGHEST_FD = 0xffff_ffffn;
/** <asm-generic/fcntl.h> */
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Marks every descriptor from `first` up close-on-exec; older kernels than 5.11 do it one by one through /proc. */
export function closeOnExecFrom(first: number): void {
  const marked = libc().syscall(Syscall.closeRange, BigInt(first), HIGHEST_FD, CLOSE_RANGE_CLOEXEC) === 0n;
  if (!marked) closeOnExecOneByOne(first);
}

/**
 * Makes `fd` descriptor `target`, which is inheritable then, and closes every descriptor above `target`.
 *
 * @throws {SystemError} ENOSYS before Linux 5.9
 */
export function keepOnly(fd: number, target: number): void {
  unwrap("dup2", libc().dup2(fd, target));
  unwrap("close_range", libc().syscall(Syscall.closeRange, BigInt(target + 1), HIGHEST_FD, 0n));
}

/** Makes `target` another name of `fd`, inheritable (dup2(2)). @throws {SystemError} EBADF */
export function duplicateDescriptor(fd: number, target: number): void {
  unwrap("dup2", libc().dup2(fd, target));
}

/** Changes the working directory (chdir(2)). @throws {SystemError} ENOENT, EACCES, ENOTDIR … */
export function changeDirectory(path: string): void {
  unwrap("chdir", libc().chdir(cString(path)));
}

/** What {@link closeOnExecFrom} does without close_range(2). */
export function closeOnExecOneByOne(first: number): void {
  const open = namesIn("/proc/self/fd").map(Number);
  for (const fd of open) {
    // EBADF is the directory that was read just now, closed since.
    if (fd >= first) libc().fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

/**
 * Replaces this process by another program (execve(2)). Ids, limits, ignored signals and descriptors without
 * close-on-exec stay.
 *
 * @throws {SystemError} ENOENT, EACCES …; there is no other way for it to return
 */
export function execReplace(
  path: string,
  argv: readonly (string | Uint8Array)[],
  environment: readonly (string | Uint8Array)[],
): never {
  return execPrepared(path, argv, environment)();
}

/** {@link execReplace} for later, when there may be no memory to be had. */
export function execPrepared(
  path: string,
  argv: readonly (string | Uint8Array)[],
  environment: readonly (string | Uint8Array)[],
): () => never {
  const [cPath, cArgv, cEnvironment] = [cString(path), cStringVector(argv), cStringVector(environment)];
  const { execve } = libc();
  // Called once beforehand: where memory is short, reading errno for the first time would change it.
  lastErrno();
  return () => {
    execve(cPath, cArgv, cEnvironment);
    throw new SystemError("execve", lastErrno());
  };
}
