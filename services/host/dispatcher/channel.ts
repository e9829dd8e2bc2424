/** One channel: the descriptors of its process on one side, the stream that carries it, if there is one, on the other. */

import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor, setNonBlocking } from "../../../ffi/socket.ts";
import { type ChannelExit, RecordKind, type WindowSize } from "../../../shared/protocol/channel.ts";
import { encodeJson, ProtocolError } from "../../../shared/protocol/codec.ts";
import type { LeaseLink } from "../../../shared/stream/link.ts";
import type { ReliableStream } from "../../../shared/stream/stream.ts";
import { Endpoint } from "./endpoint.ts";
import { Input } from "./input.ts";
import { nowhere, Output } from "./output.ts";
import { replayOf } from "./replay.ts";
import { Terminal } from "./terminal.ts";

export interface ChannelOptions {
  /** Whether it begins with PAM's words: as sshd, every shell does, terminal or not, and no command does. */
  isShell: boolean;
  /** Of its terminal; `null` for pipes. */
  size: WindowSize | null;
  poller: Poller;
  /** Its process has ended, and all its output is on its way. */
  onFinished: () => void;
  /** Something failed that is not the process's doing. */
  onError: (cause: unknown) => void;
}

/** Descriptors of the dispatcher's ends, in the order of the worker's message. */
const pipeCount = 3;
const nothing = new Uint8Array();

export class Channel {
  readonly terminal: Terminal | null;
  readonly isShell: boolean;
  readonly #options: ChannelOptions;
  #stream: ReliableStream | null = null;
  #input = new Input(() => {});
  #outputs: Output[] = [];
  /** By descriptor. */
  readonly #endpoints = new Map<number, Endpoint>();
  #exit: ChannelExit | null = null;
  #activeAt = performance.now();
  #state: "opening" | "running" | "finished" | "closed" = "opening";

  constructor(options: ChannelOptions) {
    this.terminal = options.size && new Terminal(options.size);
    this.isShell = options.isShell;
    this.#options = options;
  }

  /** Whether its process may still run. */
  get isLive(): boolean {
    return this.#state === "opening" || this.#state === "running";
  }

  /** When bytes came or went last, by performance.now(). */
  get activeAt(): number {
    return Math.max(this.#activeAt, this.terminal?.activeAt ?? 0);
  }

  /** Whether its process has been started, and all of it is not over yet. */
  get isRunning(): boolean {
    return this.#state === "running";
  }

  /**
   * Carries it on stream `number` of `link` from here on, and no longer on the one before. A terminal that has shown
   * something shows it again.
   */
  attach(link: LeaseLink, number: number): void {
    this.#letGo();
    const stream = link.open(number, {
      onRecord: (kind, data) => this.#onRecord(stream, kind, data),
      onWritable: () => this.#outputs.forEach((output) => output.resume()),
    });
    this.#stream = stream;
    this.#input = new Input((bytes) => stream.consumed(bytes));
    if (this.#state === "running" && this.terminal) {
      this.#serveTerminal(this.terminal, replayOf(this.terminal.ring));
    }
  }

  /** Nobody looks at its terminal: the last of its output is kept, and its program is not held up. */
  detach(): void {
    this.#letGo();
    if (this.#state === "running" && this.terminal) this.#serveTerminal(this.terminal, nothing);
  }

  /**
   * The process runs. Owns `descriptors` from here on.
   *
   * @param notice What the person is to read before the shell says anything
   * @throws {ProtocolError} If the descriptors are not those of a PTY or of three pipes
   */
  opened(descriptors: number[], notice: Uint8Array): void {
    const [first = -1, stdout = -1, stderr = -1] = descriptors;
    const expected = this.terminal ? 1 : pipeCount;
    if (this.#state !== "opening" || descriptors.length !== expected) {
      descriptors.forEach(closeDescriptor);
      throw new ProtocolError(`Cannot open a channel with ${descriptors.length} descriptors`);
    }
    this.#state = "running";
    for (const fd of descriptors) setNonBlocking(fd, true);
    if (!this.terminal) return this.#attachPipes(first, stdout, stderr, notice);
    this.terminal.attach(first);
    this.terminal.output(notice);
    this.#endpoint(first, () => this.#outputs.forEach((output) => output.pump()));
    this.#serveTerminal(this.terminal, notice);
  }

  /** The main process has ended; its output may not have. */
  exited(exit: ChannelExit): void {
    this.#exit = exit;
    this.#finishIfOver();
  }

  /** Closes its descriptors, which hangs a PTY up, and sends nothing more. Idempotent. */
  close(): void {
    if (this.#state === "closed") return;
    this.#release();
    this.#state = "closed";
    this.#stream?.close();
  }

  #letGo(): void {
    this.#input.discard();
    this.#stream?.close();
    this.#stream = null;
  }

  /** @param first What the stream carries before anything else; the terminal has put it out already */
  #serveTerminal(terminal: Terminal, first: Uint8Array): void {
    const { fd } = terminal;
    const endpoint = this.#endpoints.get(fd);
    const output = new Output({
      fd,
      kind: RecordKind.data,
      stream: this.#stream ?? nowhere,
      observe: (bytes) => terminal.output(bytes),
      want: (readable) => endpoint?.want({ readable }),
      onEnd: () => this.#finishIfOver(),
    }, first);
    this.#outputs = [output];
    // A PTY has no end of input; the line discipline makes one of ^D.
    this.#input.attach({ fd, want: (writable) => endpoint?.want({ writable }), onEnd: () => {} });
    output.resume();
  }

  #attachPipes(stdin: number, stdout: number, stderr: number, notice: Uint8Array): void {
    const stream = this.#stream ?? nowhere;
    const outputOf = (fd: number, kind: RecordKind, first: Uint8Array) => {
      const output: Output = new Output({
        fd,
        kind,
        stream,
        observe: () => this.#activeAt = performance.now(),
        want: (readable) => endpoint.want({ readable }),
        onEnd: () => {
          this.#closeOne(fd);
          this.#finishIfOver();
        },
      }, first);
      const endpoint = this.#endpoint(fd, () => output.pump());
      return output;
    };
    this.#outputs = [
      outputOf(stdout, RecordKind.data, notice),
      outputOf(stderr, RecordKind.stderr, nothing),
    ];
    const endpoint = this.#endpoint(stdin, () => {});
    this.#input.attach({
      fd: stdin,
      want: (writable) => endpoint.want({ writable }),
      onEnd: () => this.#closeOne(stdin),
    });
    for (const output of this.#outputs) output.resume();
  }

  #endpoint(fd: number, onReadable: () => void): Endpoint {
    const endpoint = new Endpoint(this.#options.poller, fd, {
      onReadable,
      onWritable: () => this.#input.flush(),
      onError: (cause) => this.#options.onError(cause),
    });
    this.#endpoints.set(fd, endpoint);
    return endpoint;
  }

  #onRecord(stream: ReliableStream, kind: RecordKind, data: Uint8Array): void {
    switch (kind) {
      case RecordKind.data:
        this.terminal?.input();
        this.#activeAt = performance.now();
        return this.#input.write(data);
      case RecordKind.eof:
        stream.consumed(data.length);
        // As sshd: a terminal's client that sends no more may still watch.
        if (!this.terminal) this.#input.end();
        return;
      default:
        stream.consumed(data.length);
    }
  }

  /** All output, then EOF, then how it ended, then nothing: once. */
  #finishIfOver(): void {
    const exit = this.#exit;
    if (this.#state !== "running" || !exit || !this.#outputs.every((output) => output.ended)) return;
    this.#release();
    this.#state = "finished";
    this.#stream?.send(RecordKind.eof, nothing);
    this.#stream?.send(RecordKind.message, encodeJson(exit));
    this.#stream?.send(RecordKind.close, nothing);
    this.#options.onFinished();
  }

  #release(): void {
    this.terminal?.detach();
    this.#outputs = [];
    this.#input.discard();
    for (const fd of [...this.#endpoints.keys()]) this.#closeOne(fd);
  }

  #closeOne(fd: number): void {
    const endpoint = this.#endpoints.get(fd);
    if (!endpoint) return;
    this.#endpoints.delete(fd);
    endpoint.close();
    closeDescriptor(fd);
  }
}
