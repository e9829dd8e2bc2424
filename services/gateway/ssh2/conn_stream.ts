/**
 * A TCP connection of Deno as the Duplex that ssh2 wants.
 *
 * With node:net on Deno one bulk transfer starves every other connection: its read loop takes about 32 reads a turn,
 * each of which may open a whole 2 MiB window of work. Here one read is one turn of the event loop.
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Transport } from "./transport.ts";

/** Bytes of one read: the fairness quantum. One full SSH packet and a bit, so that bulk upload costs few turns. */
const readBytes = 64 * 1024;
/** How long reads may follow each other before timers and other connections get their turn. */
const turnMs = 1;
/** First read buffer of a connection; most connections idle, and 64 KiB each would be most of their memory. */
const idleReadBytes = 4 * 1024;
/** Above this, small writes are not joined into one: the copy would cost more than the system call. */
const joinBytes = 32 * 1024;
/**
 * Bytes unsent above which we stop reading. Channels stop far below (channel_flow.ts); this is for a client that makes
 * us answer (pings, refused requests) and never reads.
 */
const unsentLimitBytes = 1024 * 1024;
/** How long a peer that does not close after us may keep the socket. */
const lingerMs = 2_000;

let turnStartedAt = 0;
let turn: Promise<void> | undefined;

/**
 * Resolves in the event loop's next turn. Deno completes a read whose bytes are there already within the same turn,
 * so a bulk upload alone would keep everything else waiting for some 100 ms at a time.
 */
function nextTurn(): Promise<void> {
  return turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      turnStartedAt = performance.now();
      resolve();
    });
  });
}

export class ConnStream extends Duplex implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: "IPv4" | "IPv6";
  readonly #conn: Deno.TcpConn;
  #buffer = new Uint8Array(idleReadBytes);
  #reading = false;
  /** Reading goes on when enough has been written. */
  #readHeld = false;
  /** Bytes read and written so far. */
  transferredBytes = 0;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(conn: Deno.TcpConn) {
    super({ readableHighWaterMark: readBytes, writableHighWaterMark: 256 * 1024, allowHalfOpen: false });
    this.#conn = conn;
    this.remoteAddress = conn.remoteAddr.hostname;
    this.remotePort = conn.remoteAddr.port;
    this.remoteFamily = this.remoteAddress.includes(":") ? "IPv6" : "IPv4";
    conn.setNoDelay(true);
    // As sshd's TCPKeepAlive: a client whose machine vanished is noticed in the end.
    conn.setKeepAlive(true);
    // An SSH client that has closed its half is gone, as for sshd; what is still queued has no reader
    this.once("end", () => this.destroy());
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    if (this.writableLength > unsentLimitBytes) this.#readHeld = true;
    else this.#readOnce();
  }

  async #readOnce(): Promise<void> {
    try {
      const length = await this.#conn.read(this.#buffer);
      // Keystrokes need not wait
      if ((length ?? 0) >= idleReadBytes && performance.now() - turnStartedAt > turnMs) await nextTurn();
      this.#reading = false;
      if (this.destroyed) return;
      if (length === null) {
        this.push(null);
        return;
      }
      this.transferredBytes += length;
      const full = length === this.#buffer.length;
      const chunk = Buffer.from(this.#buffer.buffer, 0, length);
      // Half a buffer or more is given away; less is copied, so that the rest is not held by a few bytes
      if (length * 2 >= this.#buffer.length) {
        this.#buffer = new Uint8Array(full ? readBytes : this.#buffer.length);
        this.push(chunk);
      } else {
        if (this.#buffer.length > idleReadBytes && length <= idleReadBytes / 4) {
          this.#buffer = new Uint8Array(idleReadBytes);
        }
        this.push(Buffer.from(chunk));
      }
    } catch (error) {
      this.#reading = false;
      this.destroy(error as Error);
    }
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeAll([chunk], done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#writeAll(joinChunks(chunks.map(({ chunk }) => chunk)), done);
  }

  async #writeAll(chunks: Uint8Array[], done: (error?: Error | null) => void): Promise<void> {
    try {
      for (const chunk of chunks) {
        this.transferredBytes += chunk.length;
        let offset = 0;
        while (offset < chunk.length) {
          offset += await this.#conn.write(offset === 0 ? chunk : chunk.subarray(offset));
        }
      }
    } catch (error) {
      return done(error as Error);
    }
    done();
    // Not on 'drain', which does not come any more once the stream is ending
    if (this.#readHeld && this.writableLength <= unsentLimitBytes) {
      this.#readHeld = false;
      this.#readOnce();
    }
  }

  override _final(done: () => void): void {
    this.#conn.closeWrite().then(() => done(), () => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#linger);
    try {
      this.#conn.close();
    } catch {
      // It was closed already
    }
    done(error);
  }

  /** Ends after what is queued has gone out and the peer has closed too, or after {@link lingerMs}. */
  // deno-lint-ignore no-explicit-any -- node:stream overloads end() three ways; all are passed through
  override end(...parameters: any[]): this {
    this.#linger ??= setTimeout(() => this.destroy(), lingerMs);
    return super.end(...parameters);
  }
}

/** Joins neighbours while the result is small: one system call for many small packets, no copy of bulk. */
function joinChunks(chunks: Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  let runBytes = 0;
  const flush = () => {
    if (run.length > 0) joined.push(run.length === 1 ? run[0]! : Buffer.concat(run, runBytes));
    run = [];
    runBytes = 0;
  };
  for (const chunk of chunks) {
    if (runBytes + chunk.length > joinBytes) flush();
    run.push(chunk);
    runBytes += chunk.length;
  }
  flush();
  return joined;
}
