/** Advisory locks on whole files, which the kernel frees when the last copy of the descriptor is closed (flock(2)). */

import { OpenFlags, openPath } from "./descriptor.ts";
import { Errno, lastErrno, SystemError } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";
import { closeDescriptor } from "./socket.ts";

const libc = library(C_LIBRARY, {
  // int flock(int fd, int operation) <sys/file.h>
  flock: { parameters: ["i32", "i32"], result: "i32" },
});

/** LOCK_SH, LOCK_EX and LOCK_NB <bits/fcntl-linux.h>. */
const Operation = { shared: 1, exclusive: 2, noWait: 4 } as const;

/** Many may hold a file shared, or one exclusively. */
export type LockKind = "shared" | "exclusive";

/** A lock that is held until it is disposed, or until this process and whoever inherited {@link fd} have ended. */
export class FileLock implements Disposable {
  /** Close-on-exec; a child that is given a copy holds the lock as well. */
  readonly fd: number;
  #held = true;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Waits for as long as others hold it. @param path Made when missing, with mode 0600 @throws {SystemError} */
  static wait(path: string, kind: LockKind): FileLock {
    return FileLock.#take(path, Operation[kind]) as FileLock;
  }

  /** As {@link wait}, or `null` when somebody else holds it. @throws {SystemError} */
  static attempt(path: string, kind: LockKind): FileLock | null {
    return FileLock.#take(path, Operation[kind] | Operation.noWait);
  }

  static #take(path: string, operation: number): FileLock | null {
    const fd = openPath(path, OpenFlags.readWrite | OpenFlags.create);
    while (libc().flock(fd, operation) !== 0) {
      const errno = lastErrno();
      if (errno === Errno.EINTR) continue;
      closeDescriptor(fd);
      if (errno === Errno.EAGAIN) return null;
      throw new SystemError(`flock of ${path}`, errno);
    }
    return new FileLock(fd);
  }

  [Symbol.dispose](): void {
    if (this.#held) closeDescriptor(this.fd);
    this.#held = false;
  }
}
