/** A non-blocking SEQPACKET socket on the poller: whole records in, whole records out, in order. */

import type { Poller } from "../../../ffi/epoll.ts";
import { Errno, SystemError } from "../../../ffi/errno.ts";
import { closeDescriptor, receiveRecord, sendRecord, setNonBlocking } from "../../../ffi/socket.ts";
import { maxRecordBytes } from "../../../shared/protocol/limits.ts";
import { Endpoint } from "./endpoint.ts";

/** Records read before the other descriptors get their turn. */
const maxRecordsPerTurn = 16;
/** A peer that lets this much wait is not going to read it. */
const maxQueuedBytes = 8 * maxRecordBytes;

export interface RecordSocketHandlers {
  /** `record` is valid until the callback returns; `descriptors` are the callback's to close. It may throw. */
  onRecord(record: Uint8Array, descriptors: number[]): void;
  /** The peer has closed (`cause` null), the socket failed, or `onRecord` threw. Called once, never after `close`. */
  onEnd(cause: unknown): void;
}

/** One buffer for all sockets: a record is decoded before the next one is read. */
let buffer: Uint8Array<ArrayBuffer> | undefined;

export class RecordSocket {
  readonly #fd: number;
  readonly #endpoint: Endpoint;
  readonly #handlers: RecordSocketHandlers;
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];
  #queuedBytes = 0;
  #closed = false;

  /** Owns `fd` from here on. */
  constructor(poller: Poller, fd: number, handlers: RecordSocketHandlers) {
    this.#fd = fd;
    this.#handlers = handlers;
    setNonBlocking(fd, true);
    this.#endpoint = new Endpoint(poller, fd, {
      onReadable: () => this.#receive(),
      onWritable: () => this.#flush(),
      onError: (cause) => this.#end(cause),
    });
    this.#endpoint.want({ readable: true });
  }

  /** Sends `record`, now or when the peer has read what is before it. */
  send(record: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    if (this.#queuedBytes + record.length > maxQueuedBytes) {
      throw new RangeError(`Cannot queue more than ${maxQueuedBytes} bytes for a peer that does not read`);
    }
    this.#queue.push(record);
    this.#queuedBytes += record.length;
    if (this.#queue.length === 1) this.#flush();
  }

  /** Idempotent; what is queued is lost. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endpoint.close();
    closeDescriptor(this.#fd);
  }

  #receive(): void {
    buffer ??= new Uint8Array(new ArrayBuffer(maxRecordBytes));
    for (let count = 0; count < maxRecordsPerTurn && !this.#closed; count++) {
      const received = receiveRecord(this.#fd, buffer);
      if (received === "again") return;
      if (received === null) return this.#end(null);
      this.#handlers.onRecord(buffer.subarray(0, received.length), received.descriptors);
    }
  }

  #flush(): void {
    for (let record = this.#queue[0]; record; record = this.#queue[0]) {
      try {
        sendRecord(this.#fd, record);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        if (error.errno === Errno.EAGAIN) return this.#endpoint.want({ writable: true });
        // The peer is gone. What it still said can be read, and then the end.
        this.#queue.length = 0;
        this.#queuedBytes = 0;
        break;
      }
      this.#queue.shift();
      this.#queuedBytes -= record.length;
    }
    this.#endpoint.want({ writable: false });
  }

  #end(cause: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#handlers.onEnd(cause);
  }
}
