/** From a descriptor into a stream: read only what the stream has room for, straight into the frame that will carry it. */

import { readInto } from "../../../ffi/descriptor.ts";
import type { RecordKind } from "../../../shared/protocol/channel.ts";
import { maxFrameBytes } from "../../../shared/protocol/limits.ts";
import type { ReliableStream } from "../../../shared/stream/stream.ts";

/** Frames filled in one turn, so that one flood does not starve the others. */
const maxFramesPerTurn = 4;
/** A PTY gives at most 4,095 bytes at a time (n_tty(4)); less than half of it means that there is no more. */
const worthAnotherRead = 2_048;

/** Where output goes. */
export type Sink = Pick<ReliableStream, "room" | "fill">;

let scratch: Uint8Array<ArrayBuffer> | undefined;

/** Takes everything, for output that is only observed. */
export const nowhere: Sink = {
  room: () => maxFrameBytes,
  fill: (_kind, _maxBytes, read) => read(scratch ??= new Uint8Array(new ArrayBuffer(maxFrameBytes))),
};

export interface OutputOptions {
  fd: number;
  kind: RecordKind;
  stream: Sink;
  /** Sees every byte of the descriptor on its way; valid until it returns. */
  observe?: (bytes: Uint8Array) => void;
  /** Asks to be read again when `fd` is readable, or not. */
  want: (readable: boolean) => void;
  /** Everything there was has been given to the stream. Called once. */
  onEnd: () => void;
}

export class Output {
  readonly #options: OutputOptions;
  /** Goes first. */
  #prefix: Uint8Array;
  #ended = false;

  /** @param prefix What the stream carries before anything from the descriptor */
  constructor(options: OutputOptions, prefix: Uint8Array) {
    this.#options = options;
    this.#prefix = prefix;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Begins to read, or goes on because the stream has room again. */
  resume(): void {
    if (this.#ended) return;
    this.#options.want(true);
    // That does not wait for the process to say something.
    if (this.#prefix.length > 0) this.pump();
  }

  /** The descriptor is readable: moves some of it. */
  pump(): void {
    const { stream, kind, want, onEnd } = this.#options;
    for (let frames = 0; frames < maxFramesPerTurn || this.#prefix.length > 0; frames++) {
      if (stream.room() === 0) return want(false);
      const sent = stream.fill(kind, maxFrameBytes, (buffer) => this.#fill(buffer));
      if (this.#ended) {
        want(false);
        return onEnd();
      }
      if (sent === 0) return;
    }
  }

  #fill(buffer: Uint8Array<ArrayBuffer>): number {
    if (this.#prefix.length > 0) return this.#takePrefix(buffer);
    const length = this.#read(buffer);
    if (length > 0) this.#options.observe?.(buffer.subarray(0, length));
    return length;
  }

  #takePrefix(buffer: Uint8Array): number {
    const part = this.#prefix.subarray(0, buffer.length);
    buffer.set(part);
    this.#prefix = this.#prefix.subarray(part.length);
    return part.length;
  }

  /** As much as there is at once: a flood through a PTY should not travel in frames of 4 KiB. */
  #read(buffer: Uint8Array<ArrayBuffer>): number {
    let length = 0;
    while (length < buffer.length) {
      const count = readInto(this.#options.fd, buffer.subarray(length));
      if (count === "again") break;
      if (count === "end") {
        this.#ended = true;
        break;
      }
      length += count;
      if (count < worthAnotherRead) break;
    }
    return length;
  }
}
