/** The half of a stream that sends: what the peer has not acknowledged yet, and what waits for its window. */

import { RecordKind } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/codec.ts";
import { FrameFlag, innerBytes, maxPayloadBytes, stampAck, viewOf, writeInner } from "./frame.ts";
import { type Acknowledgement, nakIntervalMs, type StreamLink } from "./stream_link.ts";
import { initialWindowBytes } from "./window.ts";

export interface SendingOptions {
  /** The stream's number. */
  id: number;
  link: StreamLink;
  /** What the next frame says of the other half. */
  acknowledgement: () => Acknowledgement;
  /** There is room again after `room()` was 0. */
  onWritable: () => void;
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

/** A peer that leaves this much of our `send()` untaken is broken or hostile: what is sent that way is small. */
const maxQueuedBytes = 2 * 1024 * 1024;
const probeFirstMs = 500;
/** Reads below this are copied out of the shared buffer, so that a keystroke does not pin 32 KiB until it is acked. */
const smallBytes = 8 * 1024;

let scratch: Uint8Array<ArrayBuffer> | undefined;

export class Sending {
  readonly #options: SendingOptions;
  readonly #link: StreamLink;
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

  constructor(options: SendingOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#progressAt = this.#link.now();
  }

  /** Where the next record will begin. */
  get next(): number {
    return this.#next;
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
    const room = this.#queue.length > 0 ? 0 : this.#limit - this.#next - innerBytes;
    if (room > 0) return room;
    this.#starve();
    return 0;
  }

  /** See {@link ReliableStream.fill}. */
  fill(kind: RecordKind, maxBytes: number, read: (buffer: Uint8Array<ArrayBuffer>) => number): number {
    const size = Math.min(maxBytes, this.room(), maxPayloadBytes);
    if (size <= 0) return 0;
    const plain = scratch ?? new Uint8Array(new ArrayBuffer(innerBytes + maxPayloadBytes));
    scratch = undefined;
    const bytes = read(plain.subarray(innerBytes, innerBytes + size));
    const used = innerBytes + Math.max(0, bytes);
    if (bytes <= 0 || bytes < smallBytes) scratch = plain;
    if (bytes <= 0) return bytes;
    this.#dispatch(kind, bytes < smallBytes ? plain.slice(0, used) : plain.subarray(0, used));
    return bytes;
  }

  /** See {@link ReliableStream.send}. */
  send(kind: RecordKind, data: Uint8Array): void {
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

  /** The peer has all before `ack`, and takes `credit` bytes more. */
  acknowledged({ ack, credit }: Acknowledgement): void {
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
  }

  /** Everything from the gap on; ever more rarely without progress, so that tiny requests cannot demand floods. */
  resend(): void {
    const now = this.#link.now();
    if (now - this.#resendAt < this.#resendAfterMs) return;
    this.#resendAt = now;
    this.#resendAfterMs = Math.min(this.#resendAfterMs * 2, this.#link.probeLastMs);
    this.#progressAt = now;
    for (const { plain } of this.#unacked) {
      const { ack, credit } = this.#options.acknowledgement();
      stampAck(viewOf(plain), ack, credit);
      this.#link.transmit(plain);
    }
  }

  /** Sends no further than `limit`, if it has not yet. @returns How far it may send now */
  lower(limit: number): number {
    this.#limit = Math.min(this.#limit, Math.max(this.#next, limit));
    return this.#limit;
  }

  /** Forgets all that was not acknowledged. */
  dropAll(): void {
    this.#unacked = [];
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  /** Whether an answer is overdue and the peer to be asked for it; the next time comes later. */
  isProbeDue(now: number): boolean {
    if (!this.expectsAnswer) return false;
    if (now - Math.max(this.#progressAt, this.#probeAt) < this.#probeAfterMs) return false;
    this.#probeAfterMs = Math.min(this.#probeAfterMs * 2, this.#link.probeLastMs);
    return true;
  }

  /** The peer is being asked. */
  probed(now: number): void {
    this.#probeAt = now;
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
    const { id, acknowledgement } = this.#options;
    writeInner(plain, { stream: id, type: kind, flags, pos: this.#next, ...acknowledgement() });
    if (this.#unacked.length === 0) this.#progressAt = this.#link.now();
    this.#unacked.push({ pos: this.#next, plain });
    this.#next += plain.length;
    this.#link.transmit(plain);
    this.#link.wake();
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
    this.#options.onWritable();
  }
}
