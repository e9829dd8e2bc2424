/** The monitor as the dispatcher talks to it: two fixed requests out, JSON messages in. */

import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import {
  decodeMonitorMessage,
  encodeMonitorRequest,
  type MonitorMessage,
} from "../../../shared/protocol/worker.ts";
import { RecordSocket } from "./record_socket.ts";

type Started = Extract<MonitorMessage, { type: "worker.started" | "worker.kept" }>;

export interface MonitorHandlers {
  /** `socket` is the dispatcher's end of the worker's socket, the handler's to close. */
  onStarted(message: Started, socket: number): void;
  onMessage(message: Exclude<MonitorMessage, Started>): void;
  /** Without a monitor there is nothing left to do. */
  onEnd(cause: unknown): void;
}

export class MonitorLink {
  readonly #socket: RecordSocket;

  constructor(poller: Poller, fd: number, handlers: MonitorHandlers) {
    this.#socket = new RecordSocket(poller, fd, {
      onRecord: (record, descriptors) => {
        const message = decodeMonitorMessage(record);
        const [socket] = descriptors;
        const brings = message.type === "worker.started" || message.type === "worker.kept";
        if (brings && socket !== undefined) handlers.onStarted(message, socket);
        else if (!brings) handlers.onMessage(message);
        // No descriptor was free for it (see receiveRecord).
        else handlers.onMessage({ type: "worker.refused", lease: message.lease, problem: "host-busy" });
        descriptors.slice(1).forEach(closeDescriptor);
      },
      onEnd: (cause) => handlers.onEnd(cause),
    });
  }

  /** Asks for a worker for a new lease. */
  start(lease: string): void {
    this.#socket.send(encodeMonitorRequest({ type: "start", lease }));
  }

  /** Asks that a worker that does not end be killed. */
  kill(lease: string): void {
    this.#socket.send(encodeMonitorRequest({ type: "kill", lease }));
  }

  close(): void {
    this.#socket.close();
  }
}
