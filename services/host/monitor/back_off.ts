/** The pauses before a process that has ended is started again: each twice the last, from the first again after a good one. */

import type { Loop } from "./loop.ts";

/** The first pause of every series, milliseconds. */
const firstPauseMs = 1_000;
/** A process that lived this long was good. */
const livedMs = 60_000;

export class BackOff {
  readonly #loop: Pick<Loop, "after">;
  readonly #maxPauseMs: number;
  #pauseMs = firstPauseMs;
  /** By performance.now(); null when none has started since the last pause. */
  #startedAt: number | null = null;

  /** @param maxPauseMs The longest pause, milliseconds */
  constructor(loop: Pick<Loop, "after">, maxPauseMs: number) {
    this.#loop = loop;
    this.#maxPauseMs = maxPauseMs;
  }

  /** A process runs now. */
  started(): void {
    this.#startedAt = performance.now();
  }

  /** It has ended, or could not be started: has `start` called after the pause that is due. */
  startAgain(start: () => void): void {
    const isGood = this.#startedAt !== null && performance.now() - this.#startedAt > livedMs;
    if (isGood) this.#pauseMs = firstPauseMs;
    this.#startedAt = null;
    this.#loop.after(this.#pauseMs, start);
    this.#pauseMs = Math.min(2 * this.#pauseMs, this.#maxPauseMs);
  }
}
