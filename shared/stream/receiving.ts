/** The half of a stream that receives: order, the window, and when the peer is told what has come. */

import { RecordKind } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/codec.ts";
import { FrameFlag, FrameType, innerBytes, type InnerHeader } from "./frame.ts";
import { MessageParts } from "./message_parts.ts";
import { type Acknowledgement, nakIntervalMs, type StreamLink } from "./stream_link.ts";
import { initialWindowBytes, ReceiveWindow } from "./window.ts";

export interface ReceivingOptions {
  link: StreamLink;
  /** One record, in order, messages whole. */
  onRecord: (kind: RecordKind, data: Uint8Array) => void;
  /** Sends a frame outside the sequence; with the {@link Receiving.acknowledgement} unless another is given. */
  sendControl: (type: number, acknowledgement?: Acknowledgement) => void;
}

/** With the ticker's 50 ms, acknowledgements of their own wait 50 to 100 ms for a frame that carries them. */
const ackDelayMs = 50;

const kinds = new Set<number>(Object.values(RecordKind));

export class Receiving {
  readonly #options: ReceivingOptions;
  readonly #link: StreamLink;
  readonly #window: ReceiveWindow;
  #expected = 0;
  #consumed = 0;
  #advertised = initialWindowBytes;
  #ackDueAt = 0;
  #nakAt = -nakIntervalMs;
  readonly #parts = new MessageParts();
  /** Bytes of a message's first parts: already counted as consumed. */
  #prepaid = 0;
  #peerClosed = false;
  #lowering = false;
  /** Nobody takes what comes. */
  #abandoned = false;

  constructor(options: ReceivingOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#window = new ReceiveWindow(this.#link.pool, this.#link.now(), () => this.#askLower());
  }

  /** Where the next record has to begin. */
  get expected(): number {
    return this.#expected;
  }

  /** For a frame that is sent now; nothing else needs to be sent for a while. */
  acknowledgement(): Acknowledgement {
    this.#ackDueAt = 0;
    // What was asked back must not be offered again meanwhile.
    if (this.#lowering) return { ack: this.#expected, credit: this.#loweredCredit() };
    this.#advertised = this.#consumed + this.#window.bytes;
    return { ack: this.#expected, credit: this.#advertised - this.#expected };
  }

  /** One record. @throws {ProtocolError} When the peer breaks the rules */
  take({ type, flags, pos }: InnerHeader, payload: Uint8Array): void {
    if (!kinds.has(type)) throw new ProtocolError(`Cannot take a record of kind ${type}`);
    if (pos > this.#expected) return this.askAgain();
    // Its acknowledgement was lost: say it again.
    if (pos < this.#expected) return this.#ackSoon(0);
    const cost = innerBytes + payload.length;
    if (pos + cost > this.#advertised) {
      throw new ProtocolError("Cannot take more than the window allows");
    }
    if (this.#peerClosed) throw new ProtocolError("Cannot take a record after the last");
    this.#peerClosed = type === RecordKind.close;
    this.#lowering = false;
    if ((flags & FrameFlag.waited) !== 0) this.#window.waitedFor();
    this.#expected += cost;
    this.#consumed += innerBytes;
    const urgent = type === RecordKind.eof || type === RecordKind.close;
    this.#ackSoon(urgent ? 0 : ackDelayMs);
    if (this.#abandoned) this.consumed(payload.length);
    else this.#deliver(type as RecordKind, payload, (flags & FrameFlag.more) !== 0);
    if (urgent && this.#ackDueAt !== 0) this.#options.sendControl(FrameType.ack);
  }

  /** The application has disposed of `bytes` of payload: the peer may send as much again. */
  consumed(bytes: number): void {
    const paid = Math.min(bytes, this.#prepaid);
    this.#prepaid -= paid;
    this.#consume(bytes - paid);
  }

  /** From here on all that comes counts as consumed, and is delivered to nobody. */
  abandon(): void {
    this.#abandoned = true;
    this.#consumed = this.#expected;
  }

  /** Frees what it holds of shared things. */
  release(): void {
    this.#abandoned = true;
    this.#window.release();
  }

  /** Asks for everything from the gap on, but not too often. */
  askAgain(): void {
    const now = this.#link.now();
    if (now - this.#nakAt < nakIntervalMs) return;
    this.#nakAt = now;
    this.#options.sendControl(FrameType.nak);
  }

  /** The peer sends no further than `limit` now; unless more has come since we asked: then the next ack restores it. */
  lowered(limit: number): void {
    if (!this.#lowering || limit > this.#consumed + initialWindowBytes) return;
    this.#lowering = false;
    this.#advertised = Math.max(this.#expected, limit);
    this.#window.release();
  }

  /** Sends an acknowledgement that no frame has carried in time. */
  tick(now: number): void {
    if (this.owesAcknowledgement && now >= this.#ackDueAt) this.#options.sendControl(FrameType.ack);
  }

  get owesAcknowledgement(): boolean {
    return this.#ackDueAt !== 0;
  }

  #deliver(kind: RecordKind, payload: Uint8Array, goesOn: boolean): void {
    const whole = this.#parts.add(kind, payload, goesOn);
    if (whole) return this.#options.onRecord(kind, whole);
    this.#prepaid += payload.length;
    this.#consume(payload.length);
  }

  #consume(bytes: number): void {
    const counted = Math.min(bytes, this.#expected - this.#consumed);
    this.#consumed += counted;
    this.#window.used(counted, this.#expected - this.#consumed, this.#link.now());
    this.#offerCredit();
  }

  /** Credit travels on its own once a quarter of the window is free, else with the next frame. */
  #offerCredit(): void {
    const gained = this.#consumed + this.#window.bytes - this.#advertised;
    if (gained >= this.#window.bytes / 4) this.#options.sendControl(FrameType.ack);
  }

  #ackSoon(delayMs: number): void {
    if (this.#ackDueAt !== 0 && delayMs > 0) return;
    this.#ackDueAt = this.#link.now() + delayMs;
    this.#link.wake();
  }

  /** The pool has better use for a window that nobody has used for long. */
  #askLower(): void {
    this.#lowering = true;
    this.#options.sendControl(FrameType.lower, { ack: this.#expected, credit: this.#loweredCredit() });
  }

  #loweredCredit(): number {
    return Math.max(0, this.#consumed + initialWindowBytes - this.#expected);
  }
}
