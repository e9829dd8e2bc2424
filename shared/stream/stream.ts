/**
 * One reliable, ordered stream of records inside a lease, over a bus that may lose, repeat and reorder frames.
 *
 * Every record stays here in clear until the peer has acknowledged it, and is sealed anew whenever it is sent again.
 */

import type { RecordKind } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/codec.ts";
import { firstUnsequenced, FrameType, innerBytes, type InnerHeader, writeInner } from "./frame.ts";
import { Receiving } from "./receiving.ts";
import { Sending } from "./sending.ts";
import type { StreamLink } from "./stream_link.ts";

export interface StreamHandlers {
  /** One record, in order, messages whole; `data` is valid until the callback returns. What it throws ends the link. */
  onRecord(kind: RecordKind, data: Uint8Array): void;
  /** There is room again after `room()` was 0. */
  onWritable(): void;
}

export class ReliableStream {
  readonly #id: number;
  readonly #link: StreamLink;
  readonly #sending: Sending;
  readonly #receiving: Receiving;
  #closed = false;

  constructor(id: number, link: StreamLink, handlers: StreamHandlers) {
    this.#id = id;
    this.#link = link;
    this.#receiving = new Receiving({
      link,
      onRecord: (kind, data) => handlers.onRecord(kind, data),
      sendControl: (type, acknowledgement) => this.#sendControl(type, this.#sending.next, acknowledgement),
    });
    this.#sending = new Sending({
      id,
      link,
      acknowledgement: () => this.#receiving.acknowledgement(),
      onWritable: () => {
        if (!this.#closed) handlers.onWritable();
      },
    });
  }

  /** Bytes waiting for the peer's window. */
  get queuedBytes(): number {
    return this.#sending.queuedBytes;
  }

  /** Whether the peer still has to take something. */
  get pending(): boolean {
    return this.#sending.pending;
  }

  /** Whether silence of the peer means something: it has something to take, or to allow. */
  get expectsAnswer(): boolean {
    return this.#sending.expectsAnswer;
  }

  /** Payload bytes that may be sent now. */
  room(): number {
    return this.#closed ? 0 : this.#sending.room();
  }

  /**
   * Sends one record that `read` writes straight into the frame.
   *
   * @param maxBytes At most this much, and never more than there is room for
   * @param read Fills the buffer and says how many bytes count; 0 sends nothing
   * @returns What `read` returned
   */
  fill(kind: RecordKind, maxBytes: number, read: (buffer: Uint8Array<ArrayBuffer>) => number): number {
    return this.#closed ? 0 : this.#sending.fill(kind, maxBytes, read);
  }

  /** Sends one record, or queues it behind the window: for small things whose number the caller bounds. */
  send(kind: RecordKind, data: Uint8Array): void {
    if (!this.#closed) this.#sending.send(kind, data);
  }

  /** The application has disposed of `bytes` of payload: the peer may send as much again. */
  consumed(bytes: number): void {
    this.#receiving.consumed(bytes);
  }

  /** Delivers nothing any more; what was sent still arrives. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#receiving.abandon();
    this.#forgetWhenDone();
  }

  /** Frees what the stream holds of shared things; the link calls it once. */
  release(): void {
    this.#closed = true;
    this.#sending.dropAll();
    this.#receiving.release();
  }

  /** Asks the peer what it has, when anything depends on it: the bus was away. */
  probeIfWaiting(): void {
    if (this.expectsAnswer) this.#probe(this.#link.now());
  }

  /** One authentic frame of this stream. @throws {ProtocolError} When the peer breaks the rules */
  receive(header: InnerHeader, payload: Uint8Array): void {
    if (header.ack > this.#sending.next) {
      throw new ProtocolError("Cannot take an acknowledgement of what was never sent");
    }
    this.#sending.acknowledged(header);
    this.#forgetWhenDone();
    if (header.type < firstUnsequenced) return this.#receiving.take(header, payload);
    const isMissing = header.pos > this.#receiving.expected;
    switch (header.type) {
      case FrameType.ack:
        if (isMissing) this.#receiving.askAgain();
        return;
      case FrameType.probe:
        return this.#sendControl(isMissing ? FrameType.nak : FrameType.ack);
      case FrameType.nak:
        return this.#sending.resend();
      case FrameType.gone:
        this.#sending.dropAll();
        return this.#forgetWhenDone();
      case FrameType.lower:
        return this.#sendControl(FrameType.lowered, this.#sending.lower(header.ack + header.credit));
      case FrameType.lowered:
        return this.#receiving.lowered(header.pos);
      default:
        throw new ProtocolError(`Cannot take a frame of type ${header.type}`);
    }
  }

  /** Whether it wants to be called again. */
  tick(now: number): boolean {
    this.#receiving.tick(now);
    if (this.#sending.isProbeDue(now)) this.#probe(now);
    return this.#receiving.owesAcknowledgement || this.expectsAnswer;
  }

  #probe(now: number): void {
    this.#sending.probed(now);
    this.#sendControl(FrameType.probe);
  }

  #sendControl(
    type: number,
    pos = this.#sending.next,
    acknowledgement = this.#receiving.acknowledgement(),
  ): void {
    const plain = new Uint8Array(innerBytes);
    writeInner(plain, { stream: this.#id, type, flags: 0, pos, ...acknowledgement });
    this.#link.transmit(plain);
  }

  #forgetWhenDone(): void {
    if (this.#closed && !this.pending) this.#link.forget(this.#id);
  }
}
