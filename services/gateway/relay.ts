/** The bytes of one channel: SSH channel on one side, the lease's stream on the other, and back-pressure through both. */

// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { type ChannelExit, decodeChannelExit, RecordKind } from "../../shared/protocol/channel.ts";
import type { ReliableStream } from "../../shared/stream/stream.ts";
import { closeChannel, sendEof, sendExit } from "./ssh2/mod.ts";

/**
 * Carries bytes both ways until the host says how the process ended.
 *
 * Towards the client, credit returns to the host only when ssh2 has really taken the bytes, so a client that stops
 * reading stops the process. Towards the host, the SSH channel is paused while the stream has no room.
 */
export class Relay {
  readonly #ssh: ServerChannel;
  #stream: ReliableStream | undefined;
  /** What the client sent and the stream had no room for yet. */
  #pending: Uint8Array[] = [];
  #clientEof = false;
  #eofSent = false;
  /** Writes towards the client that ssh2 has not taken yet. */
  #unwritten = 0;
  #exit: ChannelExit | undefined;
  #finished = false;
  #over = false;
  readonly #done: () => void;

  /** @param done Called once, when the SSH channel is closed from either side */
  constructor(ssh: ServerChannel, done: () => void) {
    this.#ssh = ssh;
    this.#done = done;
    ssh.on("data", (chunk: Uint8Array) => {
      this.#pending.push(chunk);
      this.pump();
    });
    ssh.on("end", () => {
      this.#clientEof = true;
      this.pump();
    });
    ssh.on("close", () => this.#finish());
    ssh.on("error", () => this.#finish());
    ssh.stderr.on("error", () => {});
  }

  /** Starts sending to the host; what came before is kept. */
  attach(stream: ReliableStream): void {
    this.#stream = stream;
    this.pump();
  }

  /** Sends as much of the client's input as the stream takes; called again when it has room. */
  pump(): void {
    const stream = this.#stream;
    if (!stream || this.#finished) return;
    while (this.#pending.length > 0 && stream.room() > 0) {
      const chunk = this.#pending[0]!;
      const sent = stream.fill(RecordKind.data, chunk.length, (buffer) => {
        const part = chunk.subarray(0, buffer.length);
        buffer.set(part);
        return part.length;
      });
      if (sent <= 0) break;
      if (sent === chunk.length) this.#pending.shift();
      else this.#pending[0] = chunk.subarray(sent);
    }
    if (this.#pending.length > 0) this.#ssh.pause();
    else if (this.#clientEof) this.#sendEofToHost(stream);
    else if (this.#ssh.isPaused()) this.#ssh.resume();
  }

  #sendEofToHost(stream: ReliableStream): void {
    if (this.#eofSent) return;
    this.#eofSent = true;
    stream.send(RecordKind.eof, new Uint8Array());
  }

  /** One record from the host. */
  onRecord(kind: RecordKind, data: Uint8Array): void {
    switch (kind) {
      case RecordKind.data:
        return this.#write(this.#ssh, data);
      case RecordKind.stderr:
        return this.#write(this.#ssh.stderr as unknown as ServerChannel, data);
      case RecordKind.message:
        this.#stream?.consumed(data.length);
        this.#exit = decodeChannelExit(data);
        return;
      case RecordKind.eof:
        return;
      case RecordKind.close:
        this.#over = true;
        return this.#endWhenWritten();
    }
  }

  /** Ends the channel with a sentence for the person instead of a process: exit status 255. */
  fail(sentence: string): void {
    if (this.#finished || this.#over) return;
    this.#over = true;
    this.#exit = { type: "exit", code: 255 };
    this.#unwritten++;
    this.#ssh.stderr.write(`sallyport: ${sentence}\r\n`, () => {
      this.#unwritten--;
      this.#endWhenWritten();
    });
  }

  #write(to: ServerChannel, data: Uint8Array): void {
    const bytes = data.length;
    if (this.#finished) {
      this.#stream?.consumed(bytes);
      return;
    }
    this.#unwritten++;
    // The view dies with this callback and ssh2 may keep the bytes until the client's window opens.
    to.write(data.slice(), () => {
      this.#unwritten--;
      this.#stream?.consumed(bytes);
      this.#endWhenWritten();
    });
  }

  /** EOF, exit status, CLOSE: only after every byte of both streams (RFC 4254 §6.10 asks no order; people do). */
  #endWhenWritten(): void {
    if (!this.#over || this.#unwritten > 0 || this.#finished) return;
    sendEof(this.#ssh);
    if (this.#exit?.type === "exit") sendExit(this.#ssh, { code: this.#exit.code });
    else if (this.#exit) {
      sendExit(this.#ssh, { signal: this.#exit.signal, coreDumped: this.#exit.coreDumped });
    }
    closeChannel(this.#ssh);
    this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#pending = [];
    this.#done();
  }
}
