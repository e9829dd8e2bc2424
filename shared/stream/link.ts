/** All streams of one lease: sealing, opening, replay, and the end of it. */

import type { Loan } from "../bus/bus.ts";
import { ProtocolError } from "../protocol/codec.ts";
import { type Aead, nonceBytes, tagBytes } from "./aead.ts";
import {
  clearBytes,
  FrameType,
  innerBytes,
  maxCounter,
  readClear,
  readInner,
  writeClear,
  writeInner,
  writeNonce,
} from "./frame.ts";
import { ReplayWindow } from "./replay.ts";
import { ReliableStream, type StreamHandlers } from "./stream.ts";
import type { StreamLink } from "./stream_link.ts";
import { processTicker, type Ticker } from "./ticker.ts";
import type { WindowPool } from "./window.ts";

const probeLastMs = 4_000;

export interface LeaseLinkOptions {
  side: "gateway" | "host";
  /** For what this side sends. */
  seal: Aead;
  /** For what it receives. */
  unseal: Aead;
  /** Lends a buffer for one frame. */
  carrier: { lend(maxBytes: number): Loan };
  pool: WindowPool;
  /** The link is dead when it waited this long for the peer while the bus was there. */
  sessionTimeoutMs: number;
  /** The same while the peer has never been heard; it may not even know of the lease. @default {sessionTimeoutMs} */
  contactTimeoutMs?: number;
  /** Called once, when the link gives up. */
  onDead(cause: Error): void;
  ticker?: Ticker;
}

/** What a link has seen, for logs and tests. */
export interface LinkCounts {
  sent: number;
  received: number;
  /** Frames that were not authentic, or not ours. */
  forged: number;
  replayed: number;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export class LeaseLink {
  readonly counts: LinkCounts = { sent: 0, received: 0, forged: 0, replayed: 0 };
  readonly #options: LeaseLinkOptions;
  readonly #ticker: Ticker;
  readonly #streams = new Map<number, ReliableStream>();
  readonly #replay = new ReplayWindow();
  readonly #nonce = new Uint8Array(nonceBytes);
  readonly #side: StreamLink;
  #counter = 0;
  /** Streams up to this number have been opened here; those not in the map are forgotten. */
  #highestOpened = -1;
  #heardAt: number;
  /** When the bus went away; `null` while it is there. */
  #awaySince: number | null = null;
  #dead: Error | null = null;
  #closed = false;
  #whenFinished: (() => void)[] = [];

  constructor(options: LeaseLinkOptions) {
    this.#options = options;
    this.#ticker = options.ticker ?? processTicker;
    this.#heardAt = this.#ticker.clock.now();
    this.#side = {
      pool: options.pool,
      // Several must fit into the time after which silence is death.
      probeLastMs: Math.min(probeLastMs, options.sessionTimeoutMs / 4),
      now: () => this.#ticker.clock.now(),
      transmit: (plain) => this.#transmit(plain),
      wake: () => {
        if (!this.#closed) this.#ticker.add(this);
      },
      forget: (id) => this.#forget(id),
      fail: (cause) => this.#die(cause),
    };
  }

  get dead(): Error | null {
    return this.#dead;
  }

  /** Whether everything sent has been acknowledged. */
  get idle(): boolean {
    for (const stream of this.#streams.values()) if (stream.pending) return false;
    return true;
  }

  /** Opens stream `id`; both sides do, each for itself, with ids that only rise. */
  open(id: number, handlers: StreamHandlers): ReliableStream {
    if (id <= this.#highestOpened) throw new TypeError(`Cannot open stream ${id} twice`);
    this.#highestOpened = id;
    const stream = new ReliableStream(id, this.#side, handlers);
    if (this.#closed) stream.release();
    else this.#streams.set(id, stream);
    return stream;
  }

  /** A frame off the bus. Whatever is not authentic, new and ours changes nothing. */
  receive(frame: Uint8Array): void {
    if (this.#closed) return;
    const counter = readClear(frame);
    if (counter === null) return void this.counts.forged++;
    if (!this.#replay.isFresh(counter)) return void this.counts.replayed++;
    const header = frame.subarray(0, clearBytes);
    const sealed = frame.subarray(clearBytes);
    const plain = sealed.subarray(0, sealed.length - tagBytes);
    const nonce = new Uint8Array(nonceBytes);
    writeNonce(nonce, counter);
    try {
      if (!this.#options.unseal.open(nonce, header, sealed, plain)) return void this.counts.forged++;
      this.#replay.accept(counter);
      this.counts.received++;
      this.#heardAt = this.#ticker.clock.now();
      this.#deliver(plain);
    } catch (error) {
      this.#die(asError(error));
    }
  }

  #deliver(plain: Uint8Array): void {
    const header = readInner(plain);
    const stream = this.#streams.get(header.stream);
    if (stream) {
      stream.receive(header, plain.subarray(innerBytes));
      this.#tellFinished();
    } else if (header.stream <= this.#highestOpened && header.type !== FrameType.gone) {
      const gone = new Uint8Array(innerBytes);
      writeInner(gone, { stream: header.stream, type: FrameType.gone, flags: 0, pos: 0, ack: 0, credit: 0 });
      this.#transmit(gone);
    }
    // A stream not opened here yet: as if lost; the peer sends it again.
  }

  /**
   * The bus is away (true) or back (false): the peer's silence does not count meanwhile, but a bus that stays away for
   * `sessionTimeoutMs` ends the link, for the peer cannot know us alive either.
   */
  suspended(away: boolean): void {
    const now = this.#ticker.clock.now();
    this.#heardAt = now;
    if (away) this.#awaySince ??= now;
    else this.#awaySince = null;
    if (away && !this.#closed) this.#ticker.add(this);
  }

  /** Whether the bus is away. */
  get isAway(): boolean {
    return this.#awaySince !== null;
  }

  /** The bus was away and is back: whatever waits asks at once. */
  reconnected(): void {
    this.suspended(false);
    for (const stream of this.#streams.values()) stream.probeIfWaiting();
  }

  /** Resolves when all that was sent is acknowledged, or the link is over. */
  finished(): Promise<void> {
    if (this.idle || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#whenFinished.push(resolve));
  }

  /** Gives up what is still on its way on every stream but `id`. */
  dropAllBut(id: number): void {
    for (const other of [...this.#streams.keys()]) if (other !== id) this.#forget(other);
  }

  /** Ends the link at once and throws the keys away. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ticker.remove(this);
    for (const stream of this.#streams.values()) stream.release();
    this.#streams.clear();
    this.#options.seal.dispose();
    this.#options.unseal.dispose();
    this.#tellFinished();
  }

  /** Called by the ticker; says whether it wants to be called again. */
  tick(now: number): boolean {
    if (this.#awaySince !== null) {
      if (now - this.#awaySince <= this.#options.sessionTimeoutMs) return !this.#closed;
      this.#die(new Error("The bus has been away for too long"));
      return false;
    }
    let waits = false;
    let expects = false;
    for (const stream of this.#streams.values()) {
      waits = stream.tick(now) || waits;
      expects ||= stream.expectsAnswer;
    }
    if (!expects) this.#silentSince = 0;
    else if (this.#silentSince === 0) this.#silentSince = now;
    const since = Math.max(this.#silentSince, this.#heardAt);
    if (expects && now - since > this.#patienceMs) {
      this.#die(new Error("The peer has not answered for too long"));
      return false;
    }
    return waits && !this.#closed;
  }

  #silentSince = 0;

  get #patienceMs(): number {
    const { sessionTimeoutMs, contactTimeoutMs = sessionTimeoutMs } = this.#options;
    return this.counts.received > 0 ? sessionTimeoutMs : Math.min(contactTimeoutMs, sessionTimeoutMs);
  }

  #transmit(plain: Uint8Array): void {
    if (this.#closed) return;
    const counter = this.#counter++;
    if (counter > maxCounter) return this.#die(new ProtocolError("Cannot send more: the nonce is used up"));
    try {
      this.#seal(plain, counter);
    } catch (error) {
      // A carrier or cipher that fails ends this lease, not the process whose timer happened to call.
      this.#die(asError(error));
    }
  }

  #seal(plain: Uint8Array, counter: number): void {
    const total = clearBytes + plain.length + tagBytes;
    const loan = this.#options.carrier.lend(total);
    const frame = loan.buffer;
    writeClear(frame, counter);
    writeNonce(this.#nonce, counter);
    this.#options.seal.seal(
      this.#nonce,
      frame.subarray(0, clearBytes),
      plain,
      frame.subarray(clearBytes, total),
    );
    loan.commit(total);
    this.counts.sent++;
  }

  #forget(id: number): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    this.#streams.delete(id);
    stream.release();
    this.#tellFinished();
  }

  #tellFinished(): void {
    if (this.#whenFinished.length === 0 || !(this.#closed || this.idle)) return;
    for (const resolve of this.#whenFinished.splice(0)) resolve();
  }

  #die(cause: Error): void {
    if (this.#closed) return;
    this.#dead = cause;
    this.close();
    this.#options.onDead(cause);
  }
}
