/** A channel's PTY beside its bytes: size, the last output, and who watches. */

import { changeWindowSize } from "../../../ffi/pty.ts";
import type { WindowSize } from "../../../shared/protocol/channel.ts";
import { OutputRing } from "./output_ring.ts";

/**
 * How long a terminal is a row smaller to make its program paint again: a program that finds the size it knows when it
 * gets round to SIGWINCH (ncurses does) paints nothing.
 */
const otherSizeMs = 100;

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
  /** What the PTY was opened with, until it is known to have another. */
  readonly #openedWith: WindowSize;
  #size: WindowSize;
  #activeAt = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(size: WindowSize) {
    this.#openedWith = size;
    this.#size = size;
  }

  /** The PTY, or -1 when there is none. */
  get fd(): number {
    return this.#fd;
  }

  get size(): WindowSize {
    return this.#size;
  }

  /** Last output or input, milliseconds of {@link performance.now}. */
  get activeAt(): number {
    return this.#activeAt;
  }

  /** The PTY exists, with the size the channel was opened with; a change that came earlier is made now. */
  attach(fd: number): void {
    this.#fd = fd;
    if (this.#size !== this.#openedWith) changeWindowSize(fd, this.#size);
  }

  /** The descriptor is about to be closed. */
  detach(): void {
    clearTimeout(this.#timer);
    this.#fd = -1;
  }

  output(bytes: Uint8Array): void {
    this.#activeAt = performance.now();
    this.ring.push(bytes);
    for (const tap of this.taps) tap.output(bytes);
  }

  /** Somebody types. */
  input(): void {
    this.#activeAt = performance.now();
  }

  resize(size: WindowSize): void {
    this.#size = size;
    if (this.#fd >= 0) changeWindowSize(this.#fd, size);
    for (const tap of this.taps) tap.resize(size);
  }

  /** Shows on another screen, of `size`: whatever runs is made to paint it. */
  repaint(size: WindowSize): void {
    const rows = size.rows > 1 ? size.rows - 1 : size.rows + 1;
    if (this.#fd >= 0) changeWindowSize(this.#fd, { ...size, rows });
    this.#size = size;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.resize(this.#size), otherSizeMs);
  }
}
