/** From a stream into a descriptor: credit goes back only for what the process's pipe or PTY has really taken. */

import { writeFrom } from "../../../ffi/descriptor.ts";

export interface InputTarget {
  fd: number;
  /** Asks for {@link Input.flush} when `fd` is writable, or not. */
  want: (writable: boolean) => void;
  /** Everything has been written and nothing follows, or nobody reads any more. */
  onEnd: () => void;
}

/**
 * What waits is bounded by the stream's window, because credit is held back for it.
 */
export class Input {
  readonly #consumed: (bytes: number) => void;
  #target: InputTarget | null = null;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #noMore = false;
  /** Nobody reads any more: what comes is dropped, so that the sender does not hang. */
  #gone = false;

  /** @param consumed Gives credit back */
  constructor(consumed: (bytes: number) => void) {
    this.#consumed = consumed;
  }

  /** The process runs: what came before goes to it now. */
  attach(target: InputTarget): void {
    this.#target = target;
    this.flush();
  }

  /** @param data Valid until this returns */
  write(data: Uint8Array): void {
    if (this.#gone || this.#noMore) return this.#consumed(data.length);
    // Frames are views of buffers that are never shared.
    let rest = data as Uint8Array<ArrayBuffer>;
    if (this.#target && this.#queue.length === 0) {
      const written = this.#write(this.#target.fd, rest);
      if (written === "gone") {
        this.#consumed(rest.length);
        return this.discard();
      }
      rest = rest.subarray(written);
    }
    if (rest.length === 0) return;
    this.#queue.push(rest.slice());
    this.#target?.want(true);
  }

  /** Nothing follows; the descriptor ends when all has been written. */
  end(): void {
    this.#noMore = true;
    this.flush();
  }

  /** Drops what waits and whatever comes. Idempotent. */
  discard(): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const part of this.#queue) this.#consumed(part.length);
    this.#queue = [];
    const target = this.#target;
    this.#target = null;
    target?.want(false);
    target?.onEnd();
  }

  /** Writes what waits, as far as it goes. */
  flush(): void {
    const target = this.#target;
    if (!target) return;
    for (let part = this.#queue[0]; part; part = this.#queue[0]) {
      const written = this.#write(target.fd, part);
      if (written === "gone") return this.discard();
      if (written < part.length) {
        this.#queue[0] = part.subarray(written);
        return target.want(true);
      }
      this.#queue.shift();
    }
    target.want(false);
    if (this.#noMore) this.discard();
  }

  #write(fd: number, bytes: Uint8Array<ArrayBuffer>): number | "gone" {
    const written = writeFrom(fd, bytes);
    if (written === "gone") return "gone";
    if (written === "again") return 0;
    this.#consumed(written);
    return written;
  }
}
