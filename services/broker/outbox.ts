/** What waits to be written to one client: messages are gathered in large buffers, one write for many. */

import { pauseAtBytes } from "./limits.ts";

/** Bytes of one write; larger ones gain nothing on the loopback (measured). */
const chunkBytes = 131_072;
/** Chunks kept for reuse by all clients together: 8 MiB. */
const maxSpareChunks = 64;
/** A header line is ASCII but for subjects, whose characters may take three bytes each. */
const maxBytesPerCharacter = 3;

const encoder = new TextEncoder();
const crlf = Uint8Array.of(13, 10);

interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  length: number;
}

const spare: Chunk[] = [];

export class Outbox {
  readonly #conn: Deno.TcpConn;
  readonly #chunks: Chunk[] = [];
  readonly #onFailed: () => void;
  #writing = false;
  #closed = false;
  #ending = false;
  #pendingBytes = 0;
  #waiting: (() => void)[] = [];
  #progressAt = 0;

  /** `onFailed` is called once when the peer is gone. */
  constructor(conn: Deno.TcpConn, onFailed: () => void) {
    this.#conn = conn;
    this.#onFailed = onFailed;
  }

  /** Bytes the kernel has not taken yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get isCongested(): boolean {
    return this.#pendingBytes > pauseAtBytes && !this.#closed;
  }

  /** How long bytes have been waiting while none could be written, in milliseconds. */
  stalledMs(now: number): number {
    return this.#pendingBytes === 0 ? 0 : now - this.#progressAt;
  }

  /** Queues `line`, which brings its own line end. */
  line(line: string): void {
    if (this.#closed) return;
    const chunk = this.#room(line.length * maxBytesPerCharacter);
    const { written } = encoder.encodeInto(line, chunk.bytes.subarray(chunk.length));
    chunk.length += written;
    this.#grow(written);
  }

  /** Queues a message: a copy of `payload` between its header line and CRLF. */
  message(line: string, payload: Uint8Array): void {
    if (this.#closed) return;
    this.line(line);
    for (let taken = 0; taken < payload.length;) {
      const chunk = this.#room(1);
      const part = payload.subarray(taken, taken + chunk.bytes.length - chunk.length);
      chunk.bytes.set(part, chunk.length);
      chunk.length += part.length;
      taken += part.length;
    }
    const chunk = this.#room(crlf.length);
    chunk.bytes.set(crlf, chunk.length);
    chunk.length += crlf.length;
    this.#grow(payload.length + crlf.length);
  }

  #grow(bytes: number): void {
    if (this.#pendingBytes === 0) this.#progressAt = performance.now();
    this.#pendingBytes += bytes;
  }

  #room(bytes: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last && last.bytes.length - last.length >= bytes) return last;
    const chunk = spare.pop() ?? { bytes: new Uint8Array(chunkBytes), length: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Starts to write what is queued. */
  flush(): void {
    if (!this.#writing && this.#chunks.length > 0) this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      for (let chunk = this.#chunks.shift(); chunk; chunk = this.#chunks.shift()) {
        for (let written = 0; written < chunk.length;) {
          const bytes = await this.#conn.write(chunk.bytes.subarray(written, chunk.length));
          if (this.#closed) return;
          written += bytes;
          this.#pendingBytes -= bytes;
          this.#progressAt = performance.now();
        }
        chunk.length = 0;
        if (spare.length < maxSpareChunks) spare.push(chunk);
        if (this.#pendingBytes <= pauseAtBytes / 2) this.#wake();
      }
      this.#writing = false;
      if (this.#ending) await this.#conn.closeWrite();
    } catch {
      // The chunk may still be in use by the failed write: it is left to the collector.
      this.close();
      this.#onFailed();
    }
  }

  /** Writes what is queued and nothing after it; the peer then sees the end. */
  end(): void {
    this.#ending = true;
    this.flush();
  }

  /** Resolves once the queue is half as long as what pauses producers, or the client is gone. */
  caughtUp(): Promise<void> {
    if (!this.isCongested) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Forgets what is queued; nothing is accepted any more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#chunks.length = 0;
    this.#pendingBytes = 0;
    this.#wake();
  }
}
