/** The monitor's one loop: descriptors and deadlines, everything synchronous (poll(2)). */

import { poll } from "../../../ffi/process.ts";

interface Timer {
  at: number;
  run: () => void;
}

export class Loop {
  /** By descriptor; a descriptor is watched by one party at most. */
  readonly #watched = new Map<number, () => void>();
  readonly #timers = new Set<Timer>();
  #stopped = false;

  /** Calls `onReady` whenever `fd` is readable or hung up; stop before closing `fd`. */
  watch(fd: number, onReady: () => void): () => void {
    this.#watched.set(fd, onReady);
    return () => {
      if (this.#watched.get(fd) === onReady) this.#watched.delete(fd);
    };
  }

  /** Calls `run` once, `delayMs` milliseconds from now, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void {
    const timer = { at: performance.now() + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Returns after {@link stop}. */
  run(): void {
    while (!this.#stopped) this.#turn();
  }

  #turn(): void {
    const watched = [...this.#watched];
    const ready = poll(watched.map(([fd]) => ({ fd })), this.#untilNextTimer());
    for (const [index, [fd, onReady]] of watched.entries()) {
      // A callback before this one may have stopped the watching, or given the number to somebody else.
      if (ready[index] !== 0 && this.#watched.get(fd) === onReady) onReady();
    }
    const now = performance.now();
    for (const timer of [...this.#timers].filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)) {
      if (this.#timers.delete(timer)) timer.run();
    }
  }

  /** Milliseconds, -1 when there is no timer. */
  #untilNextTimer(): number {
    let next = Infinity;
    for (const { at } of this.#timers) next = Math.min(next, at);
    return next === Infinity ? -1 : Math.max(0, Math.ceil(next - performance.now()));
  }
}
