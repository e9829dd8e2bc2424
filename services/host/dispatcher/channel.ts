/** One channel: the descriptors of its process on one side, its stream on the other. */

import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor, setNonBlocking } from "../../../ffi/socket.ts";
import { type ChannelExit, type ChannelOpen, RecordKind } from "../../../shared/protocol/channel.ts";
import { encodeJson, ProtocolError } from "../../../shared/protocol/codec.ts";
import type { LeaseLink } from "../../../shared/stream/link.ts";
import type { ReliableStream } from "../../../shared/stream/stream.ts";
import { Endpoint } from "./endpoint.ts";
import { Input } from "./input.ts";
import { Output } from "./output.ts";
import { Terminal } from "./terminal.ts";

export interface ChannelOptions {
  open: ChannelOpen;
  link: LeaseLink;
  poller: Poller;
  /** Something failed that is not the process's doing. */
  onError: (cause: unknown) => void;
}

/** Descriptors of the dispatcher's ends, in the order of the worker's message. */
const pipeCount = 3;

export class Channel {
  readonly number: number;
  readonly terminal: Terminal | null;
  /** Whether it begins with PAM's words: as sshd, every shell does, terminal or not, and no command does. */
  readonly isShell: boolean;
  readonly #options: ChannelOptions;
  readonly #stream: ReliableStream;
  readonly #input: Input;
  #outputs: Output[] = [];
  /** By descriptor. */
  readonly #endpoints = new Map<number, Endpoint>();
  #exit: ChannelExit | null = null;
  #state: "opening" | "running" | "finished" | "closed" = "opening";

  constructor(options: ChannelOptions) {
    const { open, link } = options;
    this.number = open.channel;
    this.terminal = open.terminal && new Terminal(open.terminal.size);
    this.isShell = open.kind === "shell";
    this.#options = options;
    this.#stream = link.open(open.channel, {
      onRecord: (kind, data) => this.#onRecord(kind, data),
      onWritable: () => this.#outputs.forEach((output) => output.resume()),
    });
    this.#input = new Input((bytes) => this.#stream.consumed(bytes));
  }

  /** Whether its process may still run. */
  get isLive(): boolean {
    return this.#state === "opening" || this.#state === "running";
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
      throw new ProtocolError(`Cannot open channel ${this.number} with ${descriptors.length} descriptors`);
    }
    this.#state = "running";
    for (const fd of descriptors) setNonBlocking(fd, true);
    if (this.terminal) this.#attachTerminal(this.terminal, first, notice);
    else this.#attachPipes(first, stdout, stderr, notice);
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
    this.#stream.close();
  }

  #attachTerminal(terminal: Terminal, fd: number, notice: Uint8Array): void {
    const { open } = this.#options;
    if (open.terminal) terminal.attach(fd, open.terminal.size);
    const output = new Output({
      fd,
      kind: RecordKind.data,
      stream: this.#stream,
      observe: (bytes) => terminal.output(bytes),
      want: (readable) => endpoint.want({ readable }),
      onEnd: () => this.#finishIfOver(),
    }, notice);
    const endpoint = this.#endpoint(fd, output);
    this.#outputs = [output];
    output.resume();
    // A PTY has no end of input; the line discipline makes one of ^D.
    this.#input.attach({ fd, want: (writable) => endpoint.want({ writable }), onEnd: () => {} });
    // The notice does not wait for the shell to say something.
    if (notice.length > 0) output.pump();
  }

  #attachPipes(stdin: number, stdout: number, stderr: number, notice: Uint8Array): void {
    const output = this.#pipeOutput(stdout, RecordKind.data, notice);
    this.#outputs = [output, this.#pipeOutput(stderr, RecordKind.stderr)];
    for (const output of this.#outputs) output.resume();
    const endpoint = this.#endpoint(stdin, null);
    this.#input.attach({
      fd: stdin,
      want: (writable) => endpoint.want({ writable }),
      onEnd: () => this.#closeOne(stdin),
    });
    if (notice.length > 0) output.pump();
  }

  #pipeOutput(fd: number, kind: RecordKind, notice?: Uint8Array): Output {
    const output: Output = new Output({
      fd,
      kind,
      stream: this.#stream,
      want: (readable) => endpoint.want({ readable }),
      onEnd: () => {
        this.#closeOne(fd);
        this.#finishIfOver();
      },
    }, notice);
    const endpoint = this.#endpoint(fd, output);
    return output;
  }

  #endpoint(fd: number, output: Output | null): Endpoint {
    const endpoint = new Endpoint(this.#options.poller, fd, {
      onReadable: () => output?.pump(),
      onWritable: () => this.#input.flush(),
      onError: (cause) => this.#options.onError(cause),
    });
    this.#endpoints.set(fd, endpoint);
    return endpoint;
  }

  #onRecord(kind: RecordKind, data: Uint8Array): void {
    switch (kind) {
      case RecordKind.data:
        return this.#input.write(data);
      case RecordKind.eof:
        this.#stream.consumed(data.length);
        // As sshd: a terminal's client that sends no more may still watch.
        if (!this.terminal) this.#input.end();
        return;
      default:
        this.#stream.consumed(data.length);
    }
  }

  /** All output, then EOF, then how it ended, then nothing: once. */
  #finishIfOver(): void {
    const exit = this.#exit;
    if (this.#state !== "running" || !exit || !this.#outputs.every((output) => output.ended)) return;
    this.#release();
    this.#state = "finished";
    this.#stream.send(RecordKind.eof, new Uint8Array());
    this.#stream.send(RecordKind.message, encodeJson(exit));
    this.#stream.send(RecordKind.close, new Uint8Array());
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
