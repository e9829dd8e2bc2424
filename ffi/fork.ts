/**
 * fork(2) of a running Deno process: the child goes on in the same JavaScript, on the one thread that called.
 *
 * It works under conditions, all of which the zygote keeps:
 * - V8 marks every mapping it makes MADV_DONTFORK, because a child is expected to call exec(3) at once. A child without
 *   its heap dies of SIGSEGV, so the mark is taken off all of them before each fork.
 * - V8 has no threads of its own (`--v8-flags=--single-threaded`): they do not exist in the child.
 * - The child stays synchronous. The threads of Deno's event loop are gone; calls by FFI, `Deno.*Sync` and node:crypto's
 *   synchronous functions need none of them. It leaves by {@link exitNow}, and draws randomness from the kernel
 *   ({@link ./random.ts}), because Deno's own generator would repeat its siblings' numbers.
 */

import { OpenFlags, openPath, readInto } from "./descriptor.ts";
import { lastErrno, SystemError } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";
import { closeDescriptor } from "./socket.ts";

const libc = library(C_LIBRARY, {
  // pid_t fork(void) <unistd.h>
  fork: { parameters: [], result: "i32" },
  // void _exit(int status) <unistd.h>
  _exit: { parameters: ["i32"], result: "void" },
  // int madvise(void *addr, size_t length, int advice) <sys/mman.h>
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count) <unistd.h>
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
});

/** V8 flags of a process that calls {@link forkProcess}. */
export const forkingFlags = "--v8-flags=--single-threaded,--expose-gc";

/** <asm-generic/mman-common.h> */
const MADV_DOFORK = 11;
/** Reading the list allocates, so it takes a few passes until one finds nothing; five are usual. */
const maxPasses = 50;

const mappings = "/proc/self/smaps";
const chunk = new Uint8Array(new ArrayBuffer(8_192));
const chunkLength = BigInt(chunk.length);

/** Bytes of ` dc` and of the line's start `VmFlags`, by which a mapping's mark is told (proc_pid_smaps(5)). */
const [space, letterD, letterC, newline, letterV] = [0x20, 0x64, 0x63, 0x0a, 0x56];

/**
 * Forks.
 *
 * @returns 0 in the child, its pid in the parent
 * @throws {SystemError} If the kernel refuses
 * @throws {Error} If V8 keeps making mappings
 */
export function forkProcess(): number {
  const { fork, read } = libc();
  // Young objects would otherwise be collected sometime, perhaps between the last pass and the fork.
  collectYoung();
  for (let pass = 1; pass <= maxPasses; pass++) {
    const fd = openPath(mappings, OpenFlags.readOnly);
    let isMarked = false;
    let pid = -1;
    try {
      isMarked = findsMark(fd, read);
      // Between the pass that found nothing and the fork, nothing may allocate.
      if (!isMarked) pid = fork();
      if (!isMarked && pid < 0) throw new SystemError("fork", lastErrno());
    } finally {
      closeDescriptor(fd);
    }
    if (!isMarked) return pid;
    unmarkMappings();
  }
  throw new Error(`Cannot fork: mappings are still marked after ${maxPasses} passes`);
}

function collectYoung(): void {
  const { gc } = globalThis as { gc?: (options: { type: "minor" }) => void };
  if (!gc) throw new TypeError(`Cannot fork a process that was started without ${forkingFlags}`);
  gc({ type: "minor" });
}

/** Whether a mapping is marked; makes no object but the numbers read(2) returns. */
function findsMark(fd: number, read: ReturnType<typeof libc>["read"]): boolean {
  let [before, last, isFlags, isLineStart] = [0, 0, false, true];
  for (;;) {
    const length = Number(read(fd, chunk, chunkLength));
    if (length < 0) throw new SystemError("read", lastErrno());
    if (length === 0) return false;
    for (let at = 0; at < length; at++) {
      const byte = chunk[at]!;
      if (isLineStart) isFlags = byte === letterV;
      if (isFlags && byte === letterC && last === letterD && before === space) return true;
      isLineStart = byte === newline;
      before = last;
      last = byte;
    }
  }
}

/** Takes the mark off every mapping that has it now. */
function unmarkMappings(): void {
  const fd = openPath(mappings, OpenFlags.readOnly);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const length = readInto(fd, chunk);
      if (typeof length !== "number") break;
      text += decoder.decode(chunk.subarray(0, length), { stream: true });
    }
  } finally {
    closeDescriptor(fd);
  }
  let [start, end] = [0n, 0n];
  for (const line of text.split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range) [start, end] = [BigInt(`0x${range[1]}`), BigInt(`0x${range[2]}`)];
    else if (/^VmFlags:.* dc\b/.test(line)) {
      // ENOMEM: V8 has given it back since.
      libc().madvise(Deno.UnsafePointer.create(start), end - start, MADV_DOFORK);
    }
  }
}

/** Ends this process at once: no handlers, no event loop, nothing flushed (_exit(2)). */
export function exitNow(code: number): never {
  libc()._exit(code);
  throw new Error("Cannot go on after _exit");
}
