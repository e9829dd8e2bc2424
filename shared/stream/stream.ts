/**
 * One reliable, ordered stream of records inside a lease, over a bus that may lose, repeat and reorder frames.
 *
 * Every record stays here in clear until the peer has acknowledged it, and is sealed anew whenever it is sent again.
 */

import { RecordKind } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/codec.ts";
import {
  firstUnsequenced,
  FrameFlag,
  FrameType,
  innerBytes,
  type InnerHeader,
  maxPayloadBytes,
  stampAck,
  viewOf,
  writeInner,
} from "./frame.ts";
import { MessageParts } from "./message_parts.ts";
import { initialWindowBytes, ReceiveWindow, type WindowPool } from "./window.ts";

export interface StreamHandlers {
  /** One record, in order, messages whole; `data` is valid until the callback returns. What it throws ends the link. */
  onRecord(kind: RecordKind, data: Uint8Array): void;
  /** There is room again after `room()` was 0. */
  onWritable(): void;
}

/** What a stream needs of its link. */
export interface StreamLink {
  readonly pool: WindowPool;
  /** Probes and resends are never rarer, milliseconds. */
  readonly probeLastMs: number;
  now(): number;
  /** Seals and sends a plain frame. */
  transmit(plain: Uint8Array): void;
  /** Asks for {@link ReliableStream.tick}. */
  wake(): void;
  /** Nothing of the stream is needed any more. */
  forget(id: number): void;
  /** Ends the link. */
  fail(cause: Error): void;
}

interface Queued {
  kind: RecordKind;
  flags: number;
  plain: Uint8Array<ArrayBuffer>;
}

interface Sent {
  pos: number;
  plain: Uint8Array<ArrayBuffer>;
}

/** With the ticker's 50 ms, acknowledgements of their own wait 50 to 100 ms for a frame that carries them. */
const ackDelayMs = 50;
const nakIntervalMs = 50;
/** A peer that leaves this much of our `send()` untaken is broken or hostile: what is sent that way is small. */
const maxQueuedBytes = 2 * 1024 * 1024;
const probeFirstMs = 500;
/** Reads below this are copied out of the shared buffer, so that a keystroke does not pin 32 KiB until it is acked. */
const smallBytes = 8 * 1024;

let scratch: Uint8Array<ArrayBuffer> | undefined;

const kinds = new Set<number>(Object.values(RecordKind));

export class ReliableStream {
  readonly #id: number;
  readonly #link: StreamLink;
  readonly #handlers: StreamHandlers;
  readonly #window: ReceiveWindow;
  // Sending
  #next = 0;
  #limit = initialWindowBytes;
  #unacked: Sent[] = [];
  #queue: Queued[] = [];
  #queuedBytes = 0;
  /** Somebody found no room, and wants to hear of it. */
  #starved = false;
  /** The next record says that it had to wait. */
  #waited = false;
  #resendAt = -Infinity;
  #resendAfterMs = nakIntervalMs;
  #progressAt: number;
  #probeAt = 0;
  #probeAfterMs = probeFirstMs;
  // Receiving
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
  #closed = false;

  constructor(id: number, link: StreamLink, handlers: StreamHandlers) {
    this.#id = id;
    this.#link = link;
    this.#handlers = handlers;
    this.#progressAt = link.now();
    this.#window = new ReceiveWindow(link.pool, this.#progressAt, () => this.#askLower());
  }

  /** Bytes waiting for the peer's window. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether the peer still has to take something. */
  get pending(): boolean {
    return this.#unacked.length > 0 || this.#queue.length > 0;
  }

  /** Whether silence of the peer means something: it has something to take, or to allow. */
  get expectsAnswer(): boolean {
    return this.pending || this.#starved;
  }

  /** Payload bytes that may be sent now. */
  room(): number {
    if (this.#closed) return 0;
    const room = this.#queue.length > 0 ? 0 : this.#limit - this.#next - innerBytes;
    if (room > 0) return room;
    this.#starve();
    return 0;
  }

  /**
   * Sends one record that `read` writes straight into the frame.
   *
   * @param maxBytes At most this much, and never more than there is room for
   * @param read Fills the buffer and says how many bytes count; 0 sends nothing
   * @returns What `read` returned
   */
  fill(kind: RecordKind, maxBytes: number, read: (buffer: Uint8Array<ArrayBuffer>) => number): number {
    const size = Math.min(maxBytes, this.room(), maxPayloadBytes);
    if (size <= 0 || this.#closed) return 0;
    const plain = scratch ?? new Uint8Array(new ArrayBuffer(innerBytes + maxPayloadBytes));
    scratch = undefined;
    const bytes = read(plain.subarray(innerBytes, innerBytes + size));
    const used = innerBytes + Math.max(0, bytes);
    if (bytes <= 0 || bytes < smallBytes) scratch = plain;
    if (bytes <= 0) return bytes;
    this.#dispatch(kind, bytes < smallBytes ? plain.slice(0, used) : plain.subarray(0, used));
    return bytes;
  }

  /** Sends one record, or queues it behind the window: for small things whose number the caller bounds. */
  send(kind: RecordKind, data: Uint8Array): void {
    if (this.#closed) return;
    for (let from = 0; from === 0 || from < data.length; from += maxPayloadBytes) {
      const part = data.subarray(from, from + maxPayloadBytes);
      const plain = new Uint8Array(new ArrayBuffer(innerBytes + part.length));
      plain.set(part, innerBytes);
      const goesOn = kind === RecordKind.message && from + part.length < data.length;
      const flags = goesOn ? FrameFlag.more : 0;
      if (this.#queue.length > 0 || this.#next + plain.length > this.#limit) {
        this.#queue.push({ kind, flags, plain });
        this.#queuedBytes += plain.length;
        this.#starve();
        if (this.#queuedBytes > maxQueuedBytes) {
          return this.#link.fail(new ProtocolError("Cannot queue more for a peer that takes nothing"));
        }
      } else {
        this.#dispatch(kind, plain, flags);
      }
    }
  }

  /** The application has disposed of `bytes` of payload: the peer may send as much again. */
  consumed(bytes: number): void {
    const paid = Math.min(bytes, this.#prepaid);
    this.#prepaid -= paid;
    this.#consume(bytes - paid);
  }

  #consume(bytes: number): void {
    const counted = Math.min(bytes, this.#expected - this.#consumed);
    this.#consumed += counted;
    this.#window.used(counted, this.#expected - this.#consumed, this.#link.now());
    this.#offerCredit();
  }

  /** Delivers nothing any more; what was sent still arrives. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#consumed = this.#expected;
    this.#forgetWhenDone();
  }

  /** Frees what the stream holds of shared things; the link calls it once. */
  release(): void {
    this.#closed = true;
    this.#unacked = [];
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#window.release();
  }

  /** Asks the peer what it has, when anything depends on it: the bus was away. */
  probeIfWaiting(): void {
    if (this.expectsAnswer) this.#probe(this.#link.now());
  }

  /** One authentic frame of this stream. @throws {ProtocolError} When the peer breaks the rules */
  receive(header: InnerHeader, payload: Uint8Array): void {
    if (header.ack > this.#next) {
      throw new ProtocolError("Cannot take an acknowledgement of what was never sent");
    }
    this.#onAck(header.ack, header.credit);
    if (header.type < firstUnsequenced) return this.#onRecord(header, payload);
    switch (header.type) {
      case FrameType.ack:
        if (header.pos > this.#expected) this.#nak();
        return;
      case FrameType.probe:
        if (header.pos > this.#expected) this.#sendControl(FrameType.nak);
        else this.#sendControl(FrameType.ack);
        return;
      case FrameType.nak:
        return this.#resend();
      case FrameType.gone:
        this.#unacked = [];
        this.#queue = [];
        this.#queuedBytes = 0;
        return this.#forgetWhenDone();
      case FrameType.lower:
        return this.#lower(header.ack + header.credit);
      case FrameType.lowered:
        return this.#onLowered(header.pos);
      default:
        throw new ProtocolError(`Cannot take a frame of type ${header.type}`);
    }
  }

  /** Whether it wants to be called again. */
  tick(now: number): boolean {
    if (this.#ackDueAt !== 0 && now >= this.#ackDueAt) this.#sendControl(FrameType.ack);
    if (this.expectsAnswer) {
      const since = Math.max(this.#progressAt, this.#probeAt);
      if (now - since >= this.#probeAfterMs) {
        this.#probeAfterMs = Math.min(this.#probeAfterMs * 2, this.#link.probeLastMs);
        this.#probe(now);
      }
    }
    return this.#ackDueAt !== 0 || this.expectsAnswer;
  }

  #starve(): void {
    this.#waited = true;
    if (this.#starved) return;
    this.#starved = true;
    if (!this.pending) this.#progressAt = this.#link.now();
    this.#link.wake();
  }

  #dispatch(kind: RecordKind, plain: Uint8Array<ArrayBuffer>, ownFlags = 0): void {
    const flags = ownFlags | (this.#waited ? FrameFlag.waited : 0);
    this.#waited = false;
    writeInner(plain, { stream: this.#id, type: kind, flags, pos: this.#next, ...this.#ackNow() });
    if (this.#unacked.length === 0) this.#progressAt = this.#link.now();
    this.#unacked.push({ pos: this.#next, plain });
    this.#next += plain.length;
    this.#link.transmit(plain);
    this.#link.wake();
  }

  /** The acknowledgement every frame carries; nothing else needs to be sent for a while. */
  #ackNow(): { ack: number; credit: number } {
    this.#ackDueAt = 0;
    // What was asked back must not be offered again meanwhile.
    if (this.#lowering) return { ack: this.#expected, credit: this.#loweredCredit() };
    this.#advertised = this.#consumed + this.#window.bytes;
    return { ack: this.#expected, credit: this.#advertised - this.#expected };
  }

  #sendControl(type: number, pos = this.#next, acknowledged = this.#ackNow()): void {
    const plain = new Uint8Array(innerBytes);
    writeInner(plain, { stream: this.#id, type, flags: 0, pos, ...acknowledged });
    this.#link.transmit(plain);
  }

  #probe(now: number): void {
    this.#probeAt = now;
    this.#sendControl(FrameType.probe);
  }

  #nak(): void {
    const now = this.#link.now();
    if (now - this.#nakAt < nakIntervalMs) return;
    this.#nakAt = now;
    this.#sendControl(FrameType.nak);
  }

  /** Everything from the gap on; ever more rarely without progress, so that tiny requests cannot demand floods. */
  #resend(): void {
    const now = this.#link.now();
    if (now - this.#resendAt < this.#resendAfterMs) return;
    this.#resendAt = now;
    this.#resendAfterMs = Math.min(this.#resendAfterMs * 2, this.#link.probeLastMs);
    this.#progressAt = now;
    for (const { plain } of this.#unacked) {
      const { ack, credit } = this.#ackNow();
      stampAck(viewOf(plain), ack, credit);
      this.#link.transmit(plain);
    }
  }

  #onAck(ack: number, credit: number): void {
    let acked = 0;
    while (acked < this.#unacked.length && this.#unacked[acked]!.pos < ack) acked++;
    if (acked > 0) {
      this.#unacked.splice(0, acked);
      this.#progressAt = this.#link.now();
      this.#probeAfterMs = probeFirstMs;
      this.#resendAfterMs = nakIntervalMs;
    }
    if (ack + credit > this.#limit) {
      this.#limit = ack + credit;
      this.#probeAfterMs = probeFirstMs;
      this.#drainQueue();
    }
    this.#forgetWhenDone();
  }

  #drainQueue(): void {
    while (this.#queue.length > 0) {
      const { kind, flags, plain } = this.#queue[0]!;
      if (this.#next + plain.length > this.#limit) return;
      this.#queue.shift();
      this.#queuedBytes -= plain.length;
      this.#dispatch(kind, plain, flags);
    }
    if (!this.#starved || this.#limit - this.#next <= innerBytes) return;
    this.#starved = false;
    if (!this.#closed) this.#handlers.onWritable();
  }

  #onRecord({ type, flags, pos }: InnerHeader, payload: Uint8Array): void {
    if (!kinds.has(type)) throw new ProtocolError(`Cannot take a record of kind ${type}`);
    if (pos > this.#expected) return this.#nak();
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
    if (this.#closed) this.consumed(payload.length);
    else this.#deliver(type as RecordKind, payload, (flags & FrameFlag.more) !== 0);
    if (urgent && this.#ackDueAt !== 0) this.#sendControl(FrameType.ack);
  }

  #deliver(kind: RecordKind, payload: Uint8Array, goesOn: boolean): void {
    const whole = this.#parts.add(kind, payload, goesOn);
    if (whole) return this.#handlers.onRecord(kind, whole);
    this.#prepaid += payload.length;
    this.#consume(payload.length);
  }

  /** The pool has better use for a window that nobody has used for long. */
  #askLower(): void {
    this.#lowering = true;
    this.#sendControl(FrameType.lower, this.#next, { ack: this.#expected, credit: this.#loweredCredit() });
  }

  #loweredCredit(): number {
    return Math.max(0, this.#consumed + initialWindowBytes - this.#expected);
  }

  #lower(limit: number): void {
    this.#limit = Math.min(this.#limit, Math.max(this.#next, limit));
    this.#sendControl(FrameType.lowered, this.#limit);
  }

  /** Only as long as nothing has come since we asked; otherwise the stream is in use, and the next ack restores it. */
  #onLowered(limit: number): void {
    if (!this.#lowering || limit > this.#consumed + initialWindowBytes) return;
    this.#lowering = false;
    this.#advertised = Math.max(this.#expected, limit);
    this.#window.release();
  }

  #ackSoon(delayMs: number): void {
    if (this.#ackDueAt !== 0 && delayMs > 0) return;
    this.#ackDueAt = this.#link.now() + delayMs;
    this.#link.wake();
  }

  /** Credit travels on its own once a quarter of the window is free, else with the next frame. */
  #offerCredit(): void {
    const gained = this.#consumed + this.#window.bytes - this.#advertised;
    if (gained >= this.#window.bytes / 4) this.#sendControl(FrameType.ack);
  }

  #forgetWhenDone(): void {
    if (this.#closed && !this.pending) this.#link.forget(this.#id);
  }
}
