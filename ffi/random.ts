/** Random bytes straight from the kernel, for processes that may have been forked. */

import { Errno, lastErrno, SystemError } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // ssize_t getrandom(void *buf, size_t buflen, unsigned int flags) <sys/random.h>
  getrandom: { parameters: ["buffer", "usize", "u32"], result: "isize" },
});

/** getrandom(2) gives this much in one piece, whatever signals arrive. */
const maxBytes = 256;

/**
 * `length` bytes of getrandom(2), at most 256.
 *
 * Deno's own sources — `crypto.getRandomValues`, `randomBytes`, `generateKeyPairSync` and the rest — draw from a
 * generator in the process's memory that is seeded once and knows nothing of fork(2): every child of one process
 * draws the same numbers from it (measured, Deno 2.9.6).
 *
 * @throws {SystemError}
 */
export function kernelRandom(length: number): Uint8Array<ArrayBuffer> {
  if (length > maxBytes) {
    throw new RangeError(`Cannot draw ${length} random bytes at once: at most ${maxBytes}`);
  }
  const bytes = new Uint8Array(new ArrayBuffer(length));
  for (;;) {
    const drawn = Number(libc().getrandom(bytes, BigInt(length), 0));
    if (drawn === length) return bytes;
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("getrandom", errno);
  }
}
