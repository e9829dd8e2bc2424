/** Receive windows: how much a peer may send ahead, growing with use out of one pool. */

/** What a stream starts with: enough for a terminal, little enough for thousands of them. */
export const initialWindowBytes = 64 * 1024;
/** 2 MiB carry 40 MB/s over a 50 ms round trip; more would only add delay for the streams beside it. */
export const maxWindowBytes = 2 * 1024 * 1024;
/** Sum of what all windows of a process may have grown by; below the 64 MiB at which NATS servers stall a connection. */
const poolBytes = 32 * 1024 * 1024;
/** A window is too small when the application empties it this many times within {@link growthPeriodMs}. */
const growthTurns = 4;
const growthPeriodMs = 1_000;

/** What all windows of one bus connection may grow by together. */
export class WindowPool {
  #free: number;
  constructor(bytes = poolBytes) {
    this.#free = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}

/** The window of one stream. */
export class ReceiveWindow {
  readonly #pool: WindowPool;
  #bytes = initialWindowBytes;
  #emptied = 0;
  #since: number;

  constructor(pool: WindowPool, now: number) {
    this.#pool = pool;
    this.#since = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Notes that the application took `bytes`; doubles the window when it was the bottleneck. */
  used(bytes: number, now: number): void {
    this.#emptied += bytes;
    if (now - this.#since > growthPeriodMs) {
      this.#emptied = bytes;
      this.#since = now;
    }
    if (this.#emptied < growthTurns * this.#bytes || this.#bytes >= maxWindowBytes) return;
    if (!this.#pool.take(this.#bytes)) return;
    this.#bytes *= 2;
    this.#emptied = 0;
    this.#since = now;
  }

  /** Gives back what was grown by. Idempotent. */
  release(): void {
    this.#pool.give(this.#bytes - initialWindowBytes);
    this.#bytes = initialWindowBytes;
  }
}
