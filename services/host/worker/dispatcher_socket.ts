/** The worker's end of the socket to the dispatcher: one JSON message a record. */

import { Errno, SystemError } from "../../../ffi/errno.ts";
import { closeDescriptor, receiveRecord, sendRecord } from "../../../ffi/socket.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import { maxRecordBytes } from "../../../shared/protocol/limits.ts";
import {
  type Assign,
  decodeAssign,
  decodeHandover,
  decodeWorkerRequest,
  encodeWorkerReply,
  type LogLevel,
  type WorkerReply,
  type WorkerRequest,
} from "../../../shared/protocol/worker.ts";

/** Blocking by design: a worker has nothing else to do than what it is told. */
export class DispatcherSocket {
  readonly #buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));

  #fd: number;
  /** Where the monitor tells of a new dispatcher; -1 where it does not. */
  #handovers = -1;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get fd(): number {
    return this.#fd;
  }

  /** Readable when there may be a new dispatcher; `null` when there never will. */
  get handovers(): number | null {
    return this.#handovers < 0 ? null : this.#handovers;
  }

  /** @param wanted Descriptors that the record may bring; those beyond are closed */
  #receive(fd: number, wanted = 0): { record: Uint8Array; descriptors: number[] } | null {
    const received = receiveRecord(fd, this.#buffer);
    if (received === null) return null;
    if (received === "again") throw new TypeError("Cannot serve a lease on a non-blocking socket");
    received.descriptors.slice(wanted).forEach(closeDescriptor);
    return {
      record: this.#buffer.subarray(0, received.length),
      descriptors: received.descriptors.slice(0, wanted),
    };
  }

  /**
   * Waits for the monitor's first record; `null` when it went away instead.
   *
   * @throws {ProtocolError}
   */
  receiveAssign(): Assign | null {
    const received = this.#receive(this.#fd, 1);
    if (!received) return null;
    this.#handovers = received.descriptors[0] ?? -1;
    return decodeAssign(received.record);
  }

  /**
   * Turns to the dispatcher that the monitor tells of.
   *
   * @returns `false` if the monitor is gone
   * @throws {ProtocolError}
   */
  takeHandover(): boolean {
    const received = this.#receive(this.#handovers, 1);
    if (!received) return false;
    decodeHandover(received.record);
    const [socket] = received.descriptors;
    // No number was free for it: there may be when the next dispatcher comes.
    if (socket === undefined) return true;
    closeDescriptor(this.#fd);
    this.#fd = socket;
    return true;
  }

  /**
   * Waits for the dispatcher's next message; `null` when the dispatcher is gone.
   *
   * @throws {ProtocolError}
   */
  receive(): WorkerRequest | null {
    const received = this.#receive(this.#fd);
    return received && decodeWorkerRequest(received.record);
  }

  /** Sends `reply`. Says nothing when the dispatcher is gone: the next {@link receive} does. */
  reply(reply: WorkerReply, descriptors: number[] = []): void {
    try {
      sendRecord(this.#fd, encodeJson(encodeWorkerReply(reply)), descriptors);
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
