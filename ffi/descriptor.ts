/** Reading and writing descriptors: PTYs, pipes and sockets (read(2), write(2), pipe(2), open(2)). */

import { cString } from "./cstring.ts";
import { Errno, lastErrno, SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // ssize_t read(int fd, void *buf, size_t count) <unistd.h>
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *buf, size_t count) <unistd.h>
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int pipe2(int pipefd[2], int flags) <unistd.h>
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // int fcntl(int fd, int cmd, ... /* int arg */) <fcntl.h>
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int open(const char *pathname, int flags, ... /* mode_t mode */) <fcntl.h>
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
});

/** Flags of open(2), from <asm-generic/fcntl.h>. */
export const OpenFlags = {
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  noControllingTty: 0o400,
  truncate: 0o1000,
  append: 0o2000,
  nonBlocking: 0o4000,
} as const;

/** F_DUPFD_CLOEXEC <linux/fcntl.h> */
const F_DUPFD_CLOEXEC = 1030;
/** Beyond a process's standard descriptors. */
const firstFree = 3;
const O_CLOEXEC = 0o2000000;
/** Files created by {@link openPath} are for their owner alone. */
const createdMode = 0o600;

/**
 * Reads at most `buffer.length` bytes.
 *
 * @returns How many were read, `"again"` when a non-blocking descriptor has nothing, `"end"` at end of file; the
 * master of a PTY whose last slave is closed says EIO, which is its end of file
 * @throws {SystemError}
 * @throws {RangeError} If `buffer` is empty, because the answer would look like the end
 */
export function readInto(fd: number, buffer: Uint8Array<ArrayBuffer>): number | "again" | "end" {
  if (buffer.length === 0) throw new RangeError("Cannot read into an empty buffer");
  for (;;) {
    const length = Number(libc().read(fd, buffer, BigInt(buffer.length)));
    if (length > 0) return length;
    if (length === 0) return "end";
    const errno = lastErrno();
    if (errno === Errno.EINTR) continue;
    if (errno === Errno.EAGAIN) return "again";
    if (errno === Errno.EIO || errno === Errno.ECONNRESET) return "end";
    throw new SystemError("read", errno);
  }
}

/**
 * Writes as much of `bytes` as fits at once.
 *
 * @returns How many were written, `"again"` when a non-blocking descriptor takes nothing now, `"gone"` when nobody
 * reads any more (EPIPE; EIO for a hung-up PTY)
 * @throws {SystemError}
 */
export function writeFrom(fd: number, bytes: Uint8Array<ArrayBuffer>): number | "again" | "gone" {
  for (;;) {
    const length = Number(libc().write(fd, bytes, BigInt(bytes.length)));
    if (length >= 0) return length;
    const errno = lastErrno();
    if (errno === Errno.EINTR) continue;
    if (errno === Errno.EAGAIN) return "again";
    if (errno === Errno.EPIPE || errno === Errno.EIO || errno === Errno.ECONNRESET) return "gone";
    throw new SystemError("write", errno);
  }
}

/** A pipe with both ends close-on-exec. @throws {SystemError} */
export function makePipe(): [readEnd: number, writeEnd: number] {
  const ends = new Int32Array(new ArrayBuffer(8));
  unwrap("pipe2", libc().pipe2(ends, O_CLOEXEC));
  const [readEnd, writeEnd] = ends;
  return [readEnd ?? -1, writeEnd ?? -1];
}

/** Another descriptor of what `fd` names, close-on-exec (dup(2)). @throws {SystemError} EMFILE, EBADF */
export function copyDescriptor(fd: number): number {
  return unwrap("fcntl F_DUPFD_CLOEXEC", libc().fcntl(fd, F_DUPFD_CLOEXEC, firstFree));
}

/**
 * Opens `path`, always close-on-exec; a file it creates gets mode 0600.
 *
 * @param flags {@link OpenFlags}, combined with `|`
 * @throws {SystemError}
 */
export function openPath(path: string, flags: number): number {
  return unwrap(`open of ${path}`, libc().open(cString(path), flags | O_CLOEXEC, createdMode));
}
