/** One lease as the gateway holds it: the signed opening, the control stream, and its channels. */

import type { Bus, Loan } from "../../shared/bus/bus.ts";
import {
  type ChannelOpen,
  controlStream,
  decodeHostMessage,
  type DryRunMessage,
  type GatewayMessage,
  type HostMessage,
  RecordKind,
  type SessionInfo,
  type WindowSize,
} from "../../shared/protocol/channel.ts";
import { encodeJson } from "../../shared/protocol/codec.ts";
import { maxRecordBytes } from "../../shared/protocol/limits.ts";
import type { SignalName } from "../../shared/protocol/names.ts";
import { type Problem, ProblemError } from "../../shared/protocol/problems.ts";
import type { Prompt } from "../../shared/protocol/prompt.ts";
import type { Aead } from "../../shared/stream/aead.ts";
import { LeaseLink } from "../../shared/stream/link.ts";
import type { ReliableStream } from "../../shared/stream/stream.ts";
import type { ResponseCipher } from "../../shared/trust/responses.ts";
import type { WindowPool } from "../../shared/stream/window.ts";

/** What the channel's owner wants to hear. `data` is valid until the callback returns. */
export interface ChannelHandlers {
  onRecord(kind: RecordKind, data: Uint8Array): void;
  /** There is room for more towards the host. */
  onWritable(): void;
  /** The host could not start it, or the lease has ended under it; nothing else follows. */
  onFailed(problem: Problem, text: string): void;
  onOpened(): void;
}

/** One channel of the lease: its stream, and its requests on the control stream. */
export interface LeaseChannel {
  readonly stream: ReliableStream;
  resize(size: WindowSize): void;
  signal(signal: SignalName): void;
  /** Hangs up: nothing is delivered any more. Idempotent. */
  close(): void;
}

/** What links a lease to the bus. */
export interface LeaseWire {
  bus: Bus;
  subject: string;
  pool: WindowPool;
  sessionTimeoutMs: number;
  seal: Aead;
  unseal: Aead;
  /** Seals answers to PAM for the worker. */
  responses: ResponseCipher;
  /** Hears what a dry run finds; its end is the lease's. */
  onDryRun?: (found: DryRunMessage) => void;
  /** Hears of the applicant's sessions, once; the lease is over then. */
  onSessions?: (sessions: SessionInfo[]) => void;
}

export interface LeaseEnd {
  problem: Problem;
  text: string;
}

/** A client that floods requests faster than the host takes them is cut off at this backlog. */
const maxControlBacklogBytes = 4 * maxRecordBytes;

/** Time for the last bytes of channels to be acknowledged. */
const lingerMs = 5_000;

export class Lease {
  readonly #responses: ResponseCipher;
  readonly #onDryRun: (found: DryRunMessage) => void;
  readonly #onSessions: (sessions: SessionInfo[]) => void;
  readonly #link: LeaseLink;
  readonly #control: ReliableStream;
  readonly #channels = new Map<number, ChannelHandlers>();
  #decision = Promise.withResolvers<Prompt | "accepted">();
  readonly #ended = Promise.withResolvers<LeaseEnd>();
  #onGone: () => void = () => {};
  #over: LeaseEnd | null = null;
  #nextChannel = 1;
  #closed = false;

  constructor(wire: LeaseWire) {
    this.#responses = wire.responses;
    this.#onDryRun = wire.onDryRun ?? (() => {});
    this.#onSessions = wire.onSessions ?? (() => {});
    const carrier = { lend: (maxBytes: number): Loan => wire.bus.lend(wire.subject, maxBytes) };
    this.#link = new LeaseLink({
      side: "gateway",
      seal: wire.seal,
      unseal: wire.unseal,
      carrier,
      pool: wire.pool,
      sessionTimeoutMs: wire.sessionTimeoutMs,
      onDead: (cause) => this.#end("host-unreachable", cause.message),
    });
    this.#control = this.#link.open(controlStream, {
      onRecord: (kind, data) => this.#onControl(kind, data),
      onWritable: () => {},
    });
    this.#decision.promise.catch(() => {}); // Whoever opened the lease awaits it too.
  }

  /**
   * PAM's verdict, or the question it has to be given an answer to first, by {@link respond}.
   *
   * @throws {ProblemError} With the host's reason
   */
  get decision(): Promise<Prompt | "accepted"> {
    return this.#decision.promise;
  }

  /** Answers the question of {@link decision}; there is another decision to wait for then. Wipes `responses`. */
  respond(responses: Uint8Array[]): void {
    this.#decision = Promise.withResolvers();
    this.#decision.promise.catch(() => {});
    if (this.#over) this.#decision.reject(new ProblemError(this.#over.problem, this.#over.text || undefined));
    const record = this.#responses.seal(responses);
    if (!this.#closed && !this.#link.dead) this.#control.send(RecordKind.responses, record);
  }

  /** Resolves once the lease is over for a reason that is not ours. */
  get ended(): Promise<LeaseEnd> {
    return this.#ended.promise;
  }

  /** Calls back once nothing of this lease needs the bus any more. */
  onGone(listener: () => void): void {
    this.#onGone = listener;
  }

  /** How it ended, once it has. */
  get over(): LeaseEnd | null {
    return this.#over;
  }

  /** Bytes off the bus that claim to be of this lease. */
  receive(frame: Uint8Array): void {
    this.#link.receive(frame);
  }

  busIsUp(up: boolean): void {
    this.#link.suspended(!up);
    if (up) this.#link.reconnected();
  }

  /** Opens a channel; its stream may be written at once. */
  openChannel(
    request: Omit<ChannelOpen, "type" | "channel">,
    handlers: ChannelHandlers,
  ): LeaseChannel {
    const channel = this.#nextChannel++;
    this.#channels.set(channel, handlers);
    const stream = this.#link.open(channel, {
      onRecord: (kind, data) => handlers.onRecord(kind, data),
      onWritable: () => handlers.onWritable(),
    });
    this.#send({ type: "channel.open", channel, ...request });
    return {
      stream,
      resize: (size) => this.#send({ type: "channel.resize", channel, size }),
      signal: (signal) => this.#send({ type: "channel.signal", channel, signal }),
      close: () => {
        if (!this.#channels.delete(channel)) return;
        this.#send({ type: "channel.close", channel });
        stream.close();
      },
    };
  }

  /** Ends the lease on both sides; resolves when the host knows, or cannot be told any more. Idempotent. */
  close(): Promise<void> {
    return this.#close("lease.close");
  }

  /** As {@link close}, for a client that was cut off: the host may keep its terminals for it. */
  detach(): Promise<void> {
    return this.#close("lease.detach");
  }

  async #close(type: "lease.close" | "lease.detach"): Promise<void> {
    if (this.#closed) return;
    this.#send({ type });
    this.#closed = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const linger = new Promise<void>((resolve) => timer = setTimeout(resolve, lingerMs));
    await Promise.race([this.#link.finished(), linger]);
    clearTimeout(timer);
    this.#link.dropAllBut(controlStream);
    // However long bus or host are away: unheard, it would leave a session behind. The link knows when to give up.
    await this.#link.finished();
    this.#link.close();
    this.#onGone();
  }

  /** Ends the lease from this side because the host is known to be gone. */
  abandon(problem: Problem, text: string): void {
    this.#end(problem, text);
    this.#closed = true;
    this.#link.close();
    this.#onGone();
  }

  #send(message: GatewayMessage): void {
    if (this.#closed || this.#link.dead) return;
    if (this.#control.queuedBytes > maxControlBacklogBytes) {
      this.abandon("host-busy", "control stream backlog");
      return;
    }
    this.#control.send(RecordKind.message, encodeJson(message));
  }

  #onControl(kind: RecordKind, data: Uint8Array): void {
    this.#control.consumed(data.length);
    if (kind !== RecordKind.message) return;
    let message: HostMessage;
    try {
      message = decodeHostMessage(data);
    } catch (cause) {
      this.abandon("malformed", String(cause));
      return;
    }
    switch (message.type) {
      case "lease.prompt":
        return this.#decision.resolve(message.prompt);
      case "lease.report":
      case "lease.tried":
        return this.#onDryRun(message);
      case "lease.sessions":
        return this.#onSessions(message.sessions);
      case "lease.accepted":
        return this.#decision.resolve("accepted");
      case "lease.refused":
        return this.#end(message.problem, message.text);
      case "lease.ended":
        return this.#end(message.problem, message.text);
      case "channel.opened":
        return this.#channels.get(message.channel)?.onOpened();
      case "channel.failed": {
        const handlers = this.#channels.get(message.channel);
        return handlers?.onFailed(message.problem, message.text);
      }
      default:
        return message satisfies never;
    }
  }

  #end(problem: Problem, text: string): void {
    this.#over ??= { problem, text };
    this.#decision.reject(new ProblemError(problem, text || undefined));
    this.#ended.resolve({ problem, text });
    for (const handlers of [...this.#channels.values()]) handlers.onFailed(problem, "");
  }
}
