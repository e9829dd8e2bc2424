/** Has a newer list of revoked members kept by root: a worker is asked for, and gets the list in place of a lease. */

import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type { Logger } from "../../../shared/log.ts";
import type { FleetTrust } from "../../../shared/trust/revocations.ts";
import { WorkerLink } from "./worker_link.ts";

export interface TrustUpdateOptions {
  poller: Poller;
  /** Asks the monitor for a worker. */
  start: (id: string) => void;
  trust: FleetTrust;
  log: Logger;
}

/** One worker at a time; one that comes to nothing is followed by another at the monitor's next heartbeat. */
export class TrustUpdate {
  readonly #options: TrustUpdateOptions;
  /** As the monitor knows workers; `null` while there is none. */
  #id: string | null = null;
  #worker: WorkerLink | null = null;

  constructor(options: TrustUpdateOptions) {
    this.#options = options;
  }

  /** @param kept Number of the list that root has kept, as far as the monitor knows */
  keep(kept: number): void {
    const { trust, start } = this.#options;
    if (trust.serial <= kept || this.#id !== null) return;
    this.#id = crypto.getRandomValues(new Uint8Array(16)).toHex();
    start(this.#id);
  }

  isFor(id: string): boolean {
    return id === this.#id;
  }

  /** The worker is there. Owns `socket` from here on. */
  workerStarted(socket: number): void {
    const { poller, trust, log } = this.#options;
    if (trust.latest === null) return closeDescriptor(socket);
    this.#worker = new WorkerLink(poller, socket, {
      onReply: (reply) => {
        if (reply.type === "log") log[reply.level](reply.message, reply.properties);
        if (reply.type === "lease.denied") {
          log.error("Root does not keep the list of revoked members: {cause}", { cause: reply.cause });
        }
      },
      onEnd: () => this.ended(),
    });
    this.#worker.send({ type: "trust.update", list: trust.latest.line });
  }

  /** The worker has ended, or there was none to be had. */
  ended(): void {
    this.#worker?.close();
    this.#worker = null;
    this.#id = null;
  }
}
