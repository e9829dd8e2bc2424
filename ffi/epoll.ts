/** One blocked thread that watches any number of descriptors (epoll(7)). */

import { setImmediate } from "node:timers";
import { Errno, lastErrno, SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";
import { closeDescriptor } from "./socket.ts";

const libc = library(C_LIBRARY, {
  // int epoll_create1(int flags) <sys/epoll.h>
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) <sys/epoll.h>
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout) <sys/epoll.h>
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout) <sys/epoll.h>
  epoll_wait_blocking: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // int eventfd(unsigned int initval, int flags) <sys/eventfd.h>
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int eventfd_write(int fd, eventfd_t value) <sys/eventfd.h>
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
});

/** Events of epoll_ctl(2); `error` and `hangUp` are reported whether asked for or not. */
export const EpollEvents = { in: 1, out: 4, error: 8, hangUp: 16 } as const;

const EPOLL_CLOEXEC = 0o2000000;
const EPOLLET = 0x8000_0000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** struct epoll_event is packed on x86_64 alone <sys/epoll.h>. */
function eventLayout(): { bytes: number; data: number } {
  return Deno.build.arch === "x86_64" ? { bytes: 12, data: 4 } : { bytes: 16, data: 8 };
}

/** Events handled before the event loop gets its turn. */
const maxEvents = 256;

/** Ids travel through the kernel in 32 bits. */
const maxId = 0xffff_ffff;

interface Entry {
  fd: number;
  events: number;
  onEvents: (events: number) => void;
}

/**
 * Watches descriptors, level-triggered. The thread exists only while something is watched, so an empty poller does
 * not keep the process alive.
 */
export class Poller implements Disposable {
  readonly #epoll: number;
  readonly #wake: number;
  readonly #layout = eventLayout();
  readonly #entries = new Map<number, Entry>();
  readonly #change = new DataView(new ArrayBuffer(16));
  #nextId = 1;
  #running = false;
  #closed = false;

  /** @throws {SystemError} */
  constructor() {
    this.#epoll = unwrap("epoll_create1", libc().epoll_create1(EPOLL_CLOEXEC));
    this.#wake = unwrap("eventfd", libc().eventfd(0, EPOLL_CLOEXEC));
    // Edge-triggered, so that nobody has to read the eventfd empty; no entry ever has the id 0.
    this.#control(EPOLL_CTL_ADD, this.#wake, EpollEvents.in | EPOLLET, 0);
  }

  /**
   * Calls `onEvents` whenever `fd` is ready for one of `events`, an error or a hang-up. `onEvents` must not throw.
   *
   * @returns An id for {@link change} and {@link remove}, never used again
   * @throws {SystemError}
   */
  add(fd: number, events: number, onEvents: (events: number) => void): number {
    const id = this.#unusedId();
    this.#control(EPOLL_CTL_ADD, fd, events, id);
    this.#entries.set(id, { fd, events, onEvents });
    if (!this.#running) this.#run();
    return id;
  }

  /** The kernel gives back 32 bits, and one bulk transfer toggles many thousand times a minute. */
  #unusedId(): number {
    let id = this.#nextId;
    while (this.#entries.has(id)) id = id % maxId + 1;
    this.#nextId = id % maxId + 1;
    return id;
  }

  /** @throws {SystemError} */
  change(id: number, events: number): void {
    const entry = this.#entries.get(id);
    if (!entry || entry.events === events) return;
    this.#control(EPOLL_CTL_MOD, entry.fd, events, id);
    entry.events = events;
  }

  /** Stops watching; call it before the descriptor is closed. Idempotent. */
  remove(id: number): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    this.#control(EPOLL_CTL_DEL, entry.fd, 0, id);
    if (this.#entries.size === 0) this.#stopWaiting();
  }

  /** Forgets every descriptor, without closing any, and ends the thread. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#entries.clear();
    if (this.#running) this.#stopWaiting();
    else this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #control(operation: number, fd: number, events: number, id: number): void {
    this.#change.setUint32(0, events, true);
    this.#change.setUint32(this.#layout.data, id, true);
    unwrap("epoll_ctl", libc().epoll_ctl(this.#epoll, operation, fd, new Uint8Array(this.#change.buffer)));
  }

  #stopWaiting(): void {
    libc().eventfd_write(this.#wake, 1n);
  }

  #release(): void {
    closeDescriptor(this.#wake);
    closeDescriptor(this.#epoll);
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Never within add(), whose caller has not got the id yet.
    await Promise.resolve();
    const bytes = new Uint8Array(new ArrayBuffer(this.#layout.bytes * maxEvents));
    while (this.#entries.size > 0) {
      // What is ready already needs no trip to the thread: under load this is the common case.
      let count = this.#ready(bytes);
      if (count === 0) {
        count = await libc().epoll_wait_blocking(this.#epoll, bytes, maxEvents, -1);
        // errno stayed on the other thread: ask again from here what went wrong.
        if (count < 0 && !this.#closed) count = this.#ready(bytes);
      }
      this.#dispatch(bytes, count);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#running = false;
    if (this.#closed) this.#release();
  }

  #ready(events: Uint8Array<ArrayBuffer>): number {
    const count = libc().epoll_wait(this.#epoll, events, maxEvents, 0);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === Errno.EINTR) return 0;
    throw new SystemError("epoll_wait", errno);
  }

  #dispatch(bytes: Uint8Array<ArrayBuffer>, count: number): void {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < count * this.#layout.bytes; at += this.#layout.bytes) {
      const id = view.getUint32(at + this.#layout.data, true);
      this.#entries.get(id)?.onEvents(view.getUint32(at, true));
    }
  }
}
