/** The worker's end of the socket to the dispatcher: one JSON message a record. */

import { Errno, SystemError } from "../../../ffi/errno.ts";
import { closeDescriptor, receiveRecord, sendRecord } from "../../../ffi/socket.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import { maxRecordBytes } from "../../../shared/protocol/limits.ts";
import {
  type Assign,
  decodeAssign,
  decodeWorkerRequest,
  encodeWorkerReply,
  type LogLevel,
  type WorkerReply,
  type WorkerRequest,
} from "../../../shared/protocol/worker.ts";

/** Blocking by design: a worker has nothing else to do than what it is told. */
export class DispatcherSocket {
  readonly #buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));

  constructor(readonly fd: number) {}

  #receive(): Uint8Array | null {
    const received = receiveRecord(this.fd, this.#buffer);
    if (received === null) return null;
    if (received === "again") throw new TypeError("Cannot serve a lease on a non-blocking socket");
    // Nothing in the vocabulary carries descriptors this way.
    for (const descriptor of received.descriptors) closeDescriptor(descriptor);
    return this.#buffer.subarray(0, received.length);
  }

  /**
   * Waits for the monitor's first record; `null` when it went away instead.
   *
   * @throws {ProtocolError}
   */
  receiveAssign(): Assign | null {
    const record = this.#receive();
    return record && decodeAssign(record);
  }

  /**
   * Waits for the dispatcher's next message; `null` when the dispatcher is gone.
   *
   * @throws {ProtocolError}
   */
  receive(): WorkerRequest | null {
    const record = this.#receive();
    return record && decodeWorkerRequest(record);
  }

  /** Sends `reply`. Says nothing when the dispatcher is gone: the next {@link receive} does. */
  reply(reply: WorkerReply, descriptors: number[] = []): void {
    try {
      sendRecord(this.fd, encodeJson(encodeWorkerReply(reply)), descriptors);
    } catch (error) {
      if (!isPeerGone(error)) throw error;
    }
  }

  log(level: LogLevel, message: string, properties: Record<string, unknown> = {}): void {
    this.reply({ type: "log", level, message, properties });
  }
}

function isPeerGone(error: unknown): boolean {
  return error instanceof SystemError &&
    (error.errno === Errno.EPIPE || error.errno === Errno.ECONNRESET || error.errno === Errno.ENOTCONN);
}
