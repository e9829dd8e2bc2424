/** One descriptor on the poller, watched only for what is wanted now. */

import { EpollEvents, type Poller } from "../../../ffi/epoll.ts";

export interface EndpointHandlers {
  /** Readable, hung up or failed, while reading is wanted. */
  onReadable(): void;
  /** Writable, hung up or failed, while writing is wanted. */
  onWritable(): void;
  /** One of the others threw. */
  onError(cause: unknown): void;
}

/**
 * The descriptor belongs to whoever made the endpoint, who closes the endpoint first. Unwanted it is not on the poller
 * at all: a hang-up is always reported, and would be reported without end while nobody reads.
 */
export class Endpoint {
  readonly #poller: Poller;
  readonly #fd: number;
  readonly #handlers: EndpointHandlers;
  #id: number | null = null;
  #readable = false;
  #writable = false;
  #closed = false;

  constructor(poller: Poller, fd: number, handlers: EndpointHandlers) {
    this.#poller = poller;
    this.#fd = fd;
    this.#handlers = handlers;
  }

  /** What is left out stays as it was. */
  want({ readable = this.#readable, writable = this.#writable }): void {
    if (this.#closed || (readable === this.#readable && writable === this.#writable)) return;
    this.#readable = readable;
    this.#writable = writable;
    const events = (readable ? EpollEvents.in : 0) | (writable ? EpollEvents.out : 0);
    if (events === 0) this.#unwatch();
    else if (this.#id !== null) this.#poller.change(this.#id, events);
    else this.#id = this.#poller.add(this.#fd, events, (happened) => this.#onEvents(happened));
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
  }

  #unwatch(): void {
    if (this.#id === null) return;
    this.#poller.remove(this.#id);
    this.#id = null;
  }

  #onEvents(events: number): void {
    const broken = events & (EpollEvents.hangUp | EpollEvents.error);
    try {
      if (this.#writable && events & (EpollEvents.out | broken)) this.#handlers.onWritable();
      if (this.#closed) return;
      if (this.#readable && events & (EpollEvents.in | broken)) this.#handlers.onReadable();
    } catch (cause) {
      this.#handlers.onError(cause);
    }
  }
}
