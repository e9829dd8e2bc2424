/** errno: reading it, naming it, and turning it into one typed error. */

import { readCString } from "./cstring.ts";
import { C_LIBRARY, errnoLocation, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // char *strerror(int errnum) <string.h>
  strerror: { parameters: ["i32"], result: "pointer" },
});

/** The errno values this project tests for, from <asm-generic/errno-base.h> and <asm-generic/errno.h>. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EEXIST: 17,
  ENOTDIR: 20,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  ENOTCONN: 107,
  ECONNRESET: 104,
} as const;

const names = new Map<number, string>(Object.entries(Errno).map(([name, value]) => [value, name]));

/** A call into C that failed with errno. */
export class SystemError extends Error {
  override name = "SystemError";
  /** Symbolic name such as `ENOENT`, or `errno 71` for one not listed in {@link Errno}. */
  readonly errnoName: string;
  constructor(readonly call: string, readonly errno: number) {
    const symbol = names.get(errno) ?? `errno ${errno}`;
    super(`Cannot complete ${call}: ${readCString(libc().strerror(errno)) ?? "unknown error"} (${symbol})`);
    this.errnoName = symbol;
  }
}

/** errno of the last C call made on this thread; read it before any other call. */
export function lastErrno(): number {
  const location = errnoLocation();
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32(0);
}

/**
 * Passes a non-negative result through and turns a negative one into the error errno names.
 *
 * @throws {SystemError} If `result` is negative
 */
export function unwrap(call: string, result: number | bigint): number {
  if (result < 0) throw new SystemError(call, lastErrno());
  return Number(result);
}
