/** One timer for all links of a process, running only while some link waits for something. */

/** Injected by tests, which own their time. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls `tick` about every `ms`; returns how to stop. */
  every(ms: number, tick: () => void): () => void;
}

const realClock: Clock = {
  now: () => performance.now(),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  },
};

/** The finest grain of delayed acknowledgements and probes. */
const tickMs = 50;

export class Ticker {
  readonly clock: Clock;
  readonly #waiting = new Set<{ tick(now: number): boolean }>();
  #stop: (() => void) | undefined;

  constructor(clock: Clock = realClock) {
    this.clock = clock;
  }

  /** Has `waiter.tick` called until it returns false. */
  add(waiter: { tick(now: number): boolean }): void {
    this.#waiting.add(waiter);
    this.#stop ??= this.clock.every(tickMs, () => this.#tick());
  }

  remove(waiter: { tick(now: number): boolean }): void {
    this.#waiting.delete(waiter);
    this.#rest();
  }

  #tick(): void {
    const now = this.clock.now();
    for (const waiter of [...this.#waiting]) {
      // Taken out first: one that is added again while it is called stays.
      if (this.#waiting.delete(waiter) && waiter.tick(now)) this.#waiting.add(waiter);
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#waiting.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}

/** The ticker of this process. */
export const processTicker = new Ticker();
