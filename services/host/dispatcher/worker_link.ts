/** The worker of one lease as the dispatcher talks to it. */

import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import {
  decodeWorkerReply,
  encodeWorkerRequest,
  type WorkerReply,
  type WorkerRequest,
} from "../../../shared/protocol/worker.ts";
import { RecordSocket } from "./record_socket.ts";

export interface WorkerHandlers {
  /** `descriptors` come with `channel.opened` and `session.kept` alone, and are the handler's to close. */
  onReply(reply: WorkerReply, descriptors: number[]): void;
  /** The worker has closed its socket, normally because it exits; or what it said made no sense. */
  onEnd(cause: unknown): void;
}

export class WorkerLink {
  readonly #socket: RecordSocket;

  /** Owns `fd` from here on. */
  constructor(poller: Poller, fd: number, { onReply, onEnd }: WorkerHandlers) {
    this.#socket = new RecordSocket(poller, fd, {
      onRecord: (record, descriptors) => {
        const reply = decode(record, descriptors);
        if (reply.type === "channel.opened" || reply.type === "session.kept") {
          return onReply(reply, descriptors);
        }
        descriptors.forEach(closeDescriptor);
        onReply(reply, []);
      },
      onEnd,
    });
  }

  /** @throws {RangeError} If the worker has not read for too long */
  send(request: WorkerRequest): void {
    this.#socket.send(encodeWorkerRequest(request));
  }

  close(): void {
    this.#socket.close();
  }
}

function decode(record: Uint8Array, descriptors: number[]): WorkerReply {
  try {
    return decodeWorkerReply(record);
  } catch (error) {
    descriptors.forEach(closeDescriptor);
    throw error;
  }
}
