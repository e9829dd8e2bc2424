/** Pseudo-terminals: allocating one, giving it to an account, changing its size. */

import { cString, textUntilNul } from "./cstring.ts";
import { SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // int posix_openpt(int flags) <stdlib.h>
  posix_openpt: { parameters: ["i32"], result: "i32" },
  // int grantpt(int fd) <stdlib.h>
  grantpt: { parameters: ["i32"], result: "i32" },
  // int unlockpt(int fd) <stdlib.h>
  unlockpt: { parameters: ["i32"], result: "i32" },
  // int ptsname_r(int fd, char *buf, size_t buflen) <stdlib.h>
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int chown(const char *pathname, uid_t owner, gid_t group) <unistd.h>
  chown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  // int chmod(const char *pathname, mode_t mode) <sys/stat.h>
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  // int ioctl(int fd, unsigned long op, const void *argp) <sys/ioctl.h>
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // int close(int fd) <unistd.h>
  close: { parameters: ["i32"], result: "i32" },
});

/** A pseudo-terminal: the fd of its master, and the path of the terminal that programs open. */
export interface Pty {
  fd: number;
  path: string;
}

/** Size of a terminal: in characters, and in pixels (0 if unknown). */
export interface WindowSize {
  columns: number;
  rows: number;
  widthPx: number;
  heightPx: number;
}

/** O_RDWR | O_NOCTTY | O_CLOEXEC <asm-generic/fcntl.h> */
const OPEN_FLAGS = 0o2 | 0o400 | 0o2000000;
/** TIOCSWINSZ <asm-generic/ioctls.h> */
const TIOCSWINSZ = 0x5414n;
/** Longer than any /dev/pts/N. */
const MAX_PATH_BYTES = 128;
/** Read and write for the owner, write for the group: what lets write(1) and wall(1) through. */
const TTY_MODE = 0o620;
/** The fields of struct winsize are unsigned shorts. */
const MAX_WINDOW_FIELD = 0xffff;

/**
 * Opens a new pseudo-terminal. Its fd is close-on-exec and never becomes a controlling terminal.
 *
 * @throws {SystemError} EMFILE; ENOSPC when the system has no more (kernel.pty.max)
 */
export function allocatePty(): Pty {
  const fd = unwrap("posix_openpt", libc().posix_openpt(OPEN_FLAGS));
  try {
    unwrap("grantpt", libc().grantpt(fd));
    unwrap("unlockpt", libc().unlockpt(fd));
    const path = new Uint8Array(new ArrayBuffer(MAX_PATH_BYTES));
    // Returns errno rather than setting it.
    const errno = libc().ptsname_r(fd, path, BigInt(path.length));
    if (errno !== 0) throw new SystemError("ptsname_r", errno);
    return { fd, path: textUntilNul(path) };
  } catch (cause) {
    libc().close(fd);
    throw cause;
  }
}

/**
 * Gives a terminal to an account, with mode 0620. Do it before the account's program starts: the program opens it itself.
 *
 * @param gid The group `tty`, or the account's own where there is none
 */
export function setPtyOwner(path: string, uid: number, gid: number): void {
  const pathname = cString(path);
  unwrap("chown", libc().chown(pathname, uid, gid));
  unwrap("chmod", libc().chmod(pathname, TTY_MODE));
}

/** Sets the size of the terminal behind the pty `fd`, whose foreground group gets SIGWINCH if it is another one. */
export function changeWindowSize(fd: number, size: WindowSize): void {
  const winsize = new Uint16Array(new ArrayBuffer(4 * Uint16Array.BYTES_PER_ELEMENT));
  winsize.set([size.rows, size.columns, size.widthPx, size.heightPx].map(windowField));
  unwrap("ioctl TIOCSWINSZ", libc().ioctl(fd, TIOCSWINSZ, winsize));
}

/** SSH sends 32 bits; what does not fit becomes the largest that does. */
function windowField(value: number): number {
  return Math.min(Math.max(0, Math.trunc(value)), MAX_WINDOW_FIELD);
}
