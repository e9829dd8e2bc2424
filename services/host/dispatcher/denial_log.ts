/** Denied requests in the log: whoever can write to the bus could otherwise fill the disk with them. */

import type { Logger } from "../../../shared/log.ts";
import type { Problem } from "../../../shared/protocol/problems.ts";

/** Lines at once, and lines a second after that. */
const burst = 50;
const perSecond = 2;
/** How long the count of what was left out is gathered before it is told. */
const summaryMs = 10_000;

export class DenialLog implements Disposable {
  readonly #log: Logger;
  #tokens = burst;
  #filledAt: number;
  #suppressed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param now Milliseconds of {@link performance.now} */
  constructor(log: Logger, now = performance.now()) {
    this.#log = log;
    this.#filledAt = now;
  }

  /** Writes one line, or counts it. */
  denied(
    problem: Problem,
    properties: { cause: string; lease?: string; gateway?: string },
    now = performance.now(),
  ): void {
    this.#tokens = Math.min(burst, this.#tokens + perSecond * (now - this.#filledAt) / 1_000);
    this.#filledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens--;
      this.#log.warning("A request for a lease is denied: {problem}", { problem, ...properties });
      return;
    }
    this.#suppressed++;
    this.#timer ??= setTimeout(() => this.#summarize(), summaryMs);
  }

  #summarize(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#suppressed === 0) return;
    this.#log.warning("{count} more requests were denied, too many to log", { count: this.#suppressed });
    this.#suppressed = 0;
  }

  /** Says what it still has to say. */
  [Symbol.dispose](): void {
    this.#summarize();
  }
}
