/** A sliding window over frame counters, as IPsec's (RFC 4303 §3.4.3): each counter is accepted once. */

/** How far a bus may reorder frames; a multiple of 32. */
const windowFrames = 4_096;

export class ReplayWindow {
  readonly #seen = new Uint32Array(windowFrames / 32);
  #highest = -1;

  /** Whether `counter` is new and not too old; call {@link accept} only after the frame proved authentic. */
  isFresh(counter: number): boolean {
    if (counter > this.#highest) return true;
    if (counter <= this.#highest - windowFrames) return false;
    const slot = counter % windowFrames;
    return (this.#seen[slot >>> 5]! & (1 << (slot & 31))) === 0;
  }

  accept(counter: number): void {
    const from = Math.max(this.#highest + 1, counter - windowFrames + 1);
    for (let passed = from; passed < counter; passed++) this.#clear(passed);
    if (counter > this.#highest) this.#highest = counter;
    const slot = counter % windowFrames;
    this.#seen[slot >>> 5]! |= 1 << (slot & 31);
  }

  #clear(counter: number): void {
    const slot = counter % windowFrames;
    this.#seen[slot >>> 5]! &= ~(1 << (slot & 31));
  }
}
