/** Lease ids that were already used: a signed `lease.open` counts once. */

export type ReplayVerdict = "fresh" | "replayed" | "full";

export class ReplayCache {
  /** Lease id → when it may be forgotten, oldest first. */
  readonly #seen = new Map<string, number>();
  readonly #keepMs: number;
  readonly #capacity: number;

  /**
   * @param keepMs How long an id is remembered; longer than a request is valid
   * @param capacity Ids remembered at most. Beyond it nothing is `fresh`: forgetting early would admit a replay
   */
  constructor(keepMs: number, capacity: number) {
    this.#keepMs = keepMs;
    this.#capacity = capacity;
  }

  /** Whether `lease` was never used before; from now on it was. `now` in milliseconds of a clock that never steps back. */
  admit(lease: string, now: number): ReplayVerdict {
    this.#forget(now);
    if (this.#seen.has(lease)) return "replayed";
    if (this.#seen.size >= this.#capacity) return "full";
    this.#seen.set(lease, now + this.#keepMs);
    return "fresh";
  }

  #forget(now: number): void {
    for (const [lease, until] of this.#seen) {
      if (until > now) return;
      this.#seen.delete(lease);
    }
  }
}
