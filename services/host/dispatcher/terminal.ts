/** A channel's PTY beside its bytes: size, the last output, and who watches. */

import { changeWindowSize } from "../../../ffi/pty.ts";
import type { WindowSize } from "../../../shared/protocol/channel.ts";
import { OutputRing } from "./output_ring.ts";

/** Watches a PTY; must not throw. */
export interface Tap {
  /** Before it is sealed; valid until it returns. */
  output(bytes: Uint8Array): void;
  resize(size: WindowSize): void;
}

export class Terminal {
  readonly ring = new OutputRing();
  readonly taps = new Set<Tap>();
  #fd = -1;
  #size: WindowSize;

  constructor(size: WindowSize) {
    this.#size = size;
  }

  get size(): WindowSize {
    return this.#size;
  }

  /** The PTY exists, with the size the channel was opened with; a change that came earlier is made now. */
  attach(fd: number, openedWith: WindowSize): void {
    this.#fd = fd;
    if (this.#size !== openedWith) changeWindowSize(fd, this.#size);
  }

  /** The descriptor is about to be closed. */
  detach(): void {
    this.#fd = -1;
  }

  output(bytes: Uint8Array): void {
    this.ring.push(bytes);
    for (const tap of this.taps) tap.output(bytes);
  }

  resize(size: WindowSize): void {
    this.#size = size;
    if (this.#fd >= 0) changeWindowSize(this.#fd, size);
    for (const tap of this.taps) tap.resize(size);
  }
}
