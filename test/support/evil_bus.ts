/**
 * A bus that loses, repeats, delays, reorders, alters and mixes up frames: in process, seeded, in a time of its own.
 *
 * It also reads what is sealed the way an eavesdropper might: a nonce used twice under one key fails the test.
 */

import type { Loan } from "../../shared/bus/bus.ts";
import { type Aead, nonceBytes } from "../../shared/stream/aead.ts";
import { type Clock, Ticker } from "../../shared/stream/ticker.ts";

/** xorshift32: the same seed gives the same evil. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed || 1;
  }

  /** In [0, 1). */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 0x1_0000_0000;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

interface Event {
  at: number;
  order: number;
  run: () => void;
}

/** Time that passes only when something is due. */
export class VirtualTime implements Clock {
  #now = 0;
  #order = 0;
  #events: Event[] = [];
  readonly ticker = new Ticker(this);

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): void {
    this.#events.push({ at: this.#now + ms, order: this.#order++, run });
  }

  every(ms: number, tick: () => void): () => void {
    let stopped = false;
    const again = () => {
      if (stopped) return;
      tick();
      this.after(ms, again);
    };
    this.after(ms, again);
    return () => stopped = true;
  }

  /** Runs what is due until `done()`; throws when nothing is left to happen or `limitMs` have passed. */
  runUntil(done: () => boolean, limitMs: number): void {
    const end = this.#now + limitMs;
    while (!done()) {
      this.#events.sort((a, b) => a.at - b.at || a.order - b.order);
      const event = this.#events.shift();
      if (!event) throw new Error("Nothing is left to happen");
      if (event.at > end) throw new Error(`Nothing came of it in ${limitMs} ms`);
      this.#now = event.at;
      event.run();
    }
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    const end = this.#now + ms;
    let over = false;
    this.after(ms, () => over = true);
    this.runUntil(() => over, end);
  }
}

/** Probabilities per frame, and how late a frame may come. */
export interface Evil {
  drop: number;
  duplicate: number;
  /** Flips one bit of a copy that is delivered beside the true one. */
  tamper: number;
  /** Delivers some older frame of this direction again. */
  replay: number;
  /** Delivers a frame that belongs to another direction or lease. */
  splice: number;
  /** Milliseconds; frames overtake each other within it. */
  jitterMs: number;
}

export const honest: Evil = { drop: 0, duplicate: 0, tamper: 0, replay: 0, splice: 0, jitterMs: 0 };

const rememberedFrames = 64;

/** One bus for any number of links. */
export class EvilBus {
  readonly #random: Random;
  readonly #time: VirtualTime;
  readonly #all: Uint8Array[] = [];
  evil: Evil;
  /** One way. */
  latencyMs = 0.1;
  /** Nothing at all gets through. */
  cut = false;

  constructor(time: VirtualTime, random: Random, evil: Evil) {
    this.#time = time;
    this.#random = random;
    this.evil = evil;
  }

  /** A carrier whose frames reach `receive`. */
  carrier(receive: (frame: Uint8Array) => void): { lend(maxBytes: number): Loan } {
    const own: Uint8Array[] = [];
    return {
      lend: (maxBytes) => {
        const buffer = new Uint8Array(maxBytes);
        return { buffer, commit: (bytes) => this.#carry(buffer.subarray(0, bytes), own, receive) };
      },
    };
  }

  #carry(frame: Uint8Array, own: Uint8Array[], receive: (frame: Uint8Array) => void): void {
    const { drop, duplicate, tamper, replay, splice } = this.evil;
    remember(own, frame);
    remember(this.#all, frame);
    if (this.cut) return;
    const happens = (probability: number) => this.#random.next() < probability;
    if (!happens(drop)) this.#deliver(frame, receive);
    if (happens(duplicate)) this.#deliver(frame, receive);
    if (happens(tamper)) this.#deliver(this.#altered(frame), receive);
    if (happens(replay)) this.#deliver(this.#pick(own), receive);
    if (happens(splice)) this.#deliver(this.#pick(this.#all), receive);
  }

  #deliver(frame: Uint8Array, receive: (frame: Uint8Array) => void): void {
    const copy = frame.slice();
    this.#time.after(this.latencyMs + this.#random.next() * this.evil.jitterMs, () => receive(copy));
  }

  #altered(frame: Uint8Array): Uint8Array {
    const copy = frame.slice();
    copy[this.#random.below(copy.length)]! ^= 1 << this.#random.below(8);
    return copy;
  }

  #pick(frames: Uint8Array[]): Uint8Array {
    return frames[this.#random.below(frames.length)]!;
  }
}

function remember(frames: Uint8Array[], frame: Uint8Array): void {
  frames.push(frame.slice());
  if (frames.length > rememberedFrames) frames.shift();
}

/** Throws when one nonce seals twice. */
export function watchNonces(aead: Aead): Aead {
  const used = new Set<string>();
  return {
    seal(nonce, header, plain, sealed) {
      const text = nonce.toHex();
      if (nonce.length !== nonceBytes || used.has(text)) throw new Error(`The nonce ${text} was used before`);
      used.add(text);
      aead.seal(nonce, header, plain, sealed);
    },
    open: (nonce, header, sealed, plain) => aead.open(nonce, header, sealed, plain),
    dispose: () => aead.dispose(),
  };
}
