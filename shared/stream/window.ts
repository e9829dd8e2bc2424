/** Receive windows: how much a peer may send ahead, growing with use out of one pool, which takes back what lies idle. */

/** What a stream starts with: enough for a terminal, little enough for thousands of them. */
export const initialWindowBytes = 64 * 1024;
/** 2 MiB carry 40 MB/s over a 50 ms round trip; more would only add delay for the streams beside it. */
export const maxWindowBytes = 2 * 1024 * 1024;
/** Sum of what all windows of a process may have grown by; below the 64 MiB at which NATS servers stall a connection. */
const poolBytes = 32 * 1024 * 1024;
/** A grown window that nothing came through for this long may be taken back. */
const idleAfterMs = 10_000;
/** How often an exhausted pool looks for such windows. */
const searchIntervalMs = 1_000;

/** What all windows of one bus connection may grow by together, beyond the 64 KiB each begins with. */
export class WindowPool {
  #free: number;
  readonly #grown = new Set<ReceiveWindow>();
  #searchedAt = -Infinity;

  constructor(bytes = poolBytes) {
    this.#free = bytes;
  }

  get freeBytes(): number {
    return this.#free;
  }

  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }

  /** Lets `window` have `bytes` more, now or once idle windows have given theirs back. */
  grow(window: ReceiveWindow, bytes: number, now: number): boolean {
    if (this.take(bytes)) {
      this.#grown.add(window);
      return true;
    }
    if (now - this.#searchedAt >= searchIntervalMs) {
      this.#searchedAt = now;
      for (const grown of this.#grown) grown.askBackIfIdle(now);
    }
    return false;
  }

  shrink(window: ReceiveWindow, bytes: number): void {
    if (this.#grown.delete(window)) this.give(bytes);
  }
}

/** The window of one stream. */
export class ReceiveWindow {
  readonly #pool: WindowPool;
  readonly #askBack: () => void;
  #bytes = initialWindowBytes;
  /** Taken by the application since the window last grew. */
  #taken = 0;
  #isShort = false;
  #usedAt: number;

  /** @param askBack Asks the peer to do with the initial window; {@link release} once it has agreed */
  constructor(pool: WindowPool, now: number, askBack: () => void) {
    this.#pool = pool;
    this.#usedAt = now;
    this.#askBack = askBack;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The peer had to wait for this window. */
  waitedFor(): void {
    this.#isShort = true;
  }

  /**
   * Notes that the application took `bytes` and has `held` bytes left to take. Doubles a window the peer had to wait
   * for while the application did not: that holds for any round trip, and a slow application does not earn more.
   */
  used(bytes: number, held: number, now: number): void {
    this.#taken += bytes;
    this.#usedAt = now;
    if (!this.#isShort || this.#taken < this.#bytes || held > this.#bytes / 4) return;
    if (this.#bytes >= maxWindowBytes || !this.#pool.grow(this, this.#bytes, now)) return;
    this.#bytes *= 2;
    this.#taken = 0;
    this.#isShort = false;
  }

  askBackIfIdle(now: number): void {
    if (now - this.#usedAt >= idleAfterMs) this.#askBack();
  }

  /** Gives back what was grown by. Idempotent. */
  release(): void {
    this.#pool.shrink(this, this.#bytes - initialWindowBytes);
    this.#bytes = initialWindowBytes;
  }
}
