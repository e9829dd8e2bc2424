/** One lease on the host: its worker, its link to the gateway, and its channels. */

import { aes256Gcm } from "../../../ffi/libcrypto.ts";
import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type { Bus } from "../../../shared/bus/bus.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { Logger } from "../../../shared/log.ts";
import {
  controlStream,
  decodeGatewayMessage,
  type GatewayMessage,
  type HostMessage,
  RecordKind,
} from "../../../shared/protocol/channel.ts";
import { encodeJson, ProtocolError } from "../../../shared/protocol/codec.ts";
import type { LeaseDenied, LeaseOpen } from "../../../shared/protocol/lease.ts";
import { heartbeatTimeoutMs } from "../../../shared/protocol/limits.ts";
import { type Problem, ProblemError } from "../../../shared/protocol/problems.ts";
import { toGatewaySubject } from "../../../shared/protocol/subjects.ts";
import type { WorkerReply, WorkerRequest } from "../../../shared/protocol/worker.ts";
import { LeaseLink } from "../../../shared/stream/link.ts";
import type { ReliableStream } from "../../../shared/stream/stream.ts";
import type { WindowPool } from "../../../shared/stream/window.ts";
import { aeadFor } from "../../../shared/trust/aead_for.ts";
import type { Credential } from "../../../shared/trust/identity.ts";
import type { Turn } from "./admission.ts";
import { Attachment } from "./attachment.ts";
import { limitLease } from "./lease_limits.ts";
import { Notices } from "./notices.ts";
import { OwnChannels } from "./own_channels.ts";
import type { Sessions } from "./sessions.ts";
import { WorkerLink } from "./worker_link.ts";

/** Time for the last records to be acknowledged before the keys are thrown away. */
const maxLingerMs = 5_000;
/** Time for our own acknowledgement of the peer's last record, which travels a little later, to be asked for again. */
const minLingerMs = 1_000;
/** Added to the worker's own deadlines before it is killed from outside. */
const killSlackMs = 1_000;
const noNotice = new Uint8Array();

type Reply<T extends WorkerReply["type"]> = Extract<WorkerReply, { type: T }>;

export interface LeaseOptions {
  /** What is asked for; verified. */
  open: LeaseOpen;
  /** Who signed it. */
  credential: Credential;
  /** As it came off the bus, verified. */
  envelope: Uint8Array<ArrayBuffer>;
  settings: HostSettings;
  bus: Bus;
  poller: Poller;
  pool: WindowPool;
  sessions: Sessions;
  log: Logger;
  /** Answers the gateway's request, once. */
  respond: (data: Uint8Array) => void;
  turn: Turn;
  /** Asks the monitor to kill the worker. */
  kill: () => void;
  /** The gateway is told that nothing was opened; for the log. */
  onDenied: (problem: Problem, cause: string) => void;
  /** Nothing is left of it. */
  onGone: () => void;
}

/** `starting` a worker → `answering` the gateway → `deciding`, which is PAM → `open` → `ended`. */
type Phase = "starting" | "answering" | "deciding" | "open" | "ended";

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Closes `link` when all that was said has been heard, or after a while with the bus there. */
async function farewell(link: LeaseLink): Promise<void> {
  const done = Promise.all([link.finished(), pause(minLingerMs)]).then(() => true);
  for (;;) {
    const isOver = await Promise.race([done, pause(maxLingerMs).then(() => !link.isAway)]);
    if (isOver) break;
  }
  link.close();
}

export class Lease {
  readonly id: string;
  readonly gateway: string;
  readonly credential: Credential;
  /** Milliseconds of {@link performance.now}. */
  readonly openedAt = performance.now();
  readonly #options: LeaseOptions;
  readonly #log: Logger;
  readonly #notices = new Notices();
  readonly #loginTimer: ReturnType<typeof setTimeout> | undefined;
  #killTimer: ReturnType<typeof setTimeout> | undefined;
  #phase: Phase = "starting";
  #worker: WorkerLink | null = null;
  #link: LeaseLink | null = null;
  #control: ReliableStream | null = null;
  /** Once it is open: the channels of its worker, or the session of another lease. */
  #channels: OwnChannels | Attachment | null = null;
  #limits: Disposable | null = null;
  #isAnswered = false;
  #isDecided = false;
  /** PAM waits for the person. */
  #isAsking = false;
  #isGone = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    const { lease, gateway } = options.open;
    this.id = lease;
    this.gateway = gateway;
    this.credential = options.credential;
    this.#log = options.log.with({ lease, gateway });
    const { loginGraceMs } = options.settings;
    if (loginGraceMs > 0) this.#loginTimer = setTimeout(() => this.#onLoginTimeout(), loginGraceMs);
  }

  /** The monitor has assigned a worker. Owns `socket` from here on. */
  workerStarted(socket: number): void {
    if (this.#phase !== "starting") return closeDescriptor(socket);
    this.#phase = "answering";
    this.#worker = new WorkerLink(this.#options.poller, socket, {
      onReply: (reply, descriptors) => this.#onReply(reply, descriptors),
      onEnd: (cause) => this.#onWorkerEnd(cause),
    });
    this.#worker.send({ type: "lease.open", envelope: this.#options.envelope });
  }

  /** Tells the gateway that nothing was opened, if it still waits for an answer, and ends. */
  deny(problem: Problem, cause: string): void {
    if (this.#phase === "ended") return;
    this.#options.onDenied(problem, cause);
    this.#answer(encodeJson({ type: "lease.denied.v1", problem } satisfies LeaseDenied));
    this.#end(null);
  }

  /** The worker's process is gone, even if something it left behind still holds its socket. */
  workerGone(): void {
    const worker = this.#worker;
    if (!worker) return;
    worker.close();
    this.#onWorkerEnd(null);
  }

  /** A frame off the bus that claims to be of this lease. */
  receive(frame: Uint8Array): void {
    this.#link?.receive(frame);
  }

  busIsUp(up: boolean): void {
    if (up) this.#link?.reconnected();
    else this.#link?.suspended(true);
  }

  /** Ends the lease for a reason of this side; resolves when the gateway knows, or after a while. */
  async end(problem: Problem, text: string): Promise<void> {
    if (!this.#isAnswered) this.deny(problem, text);
    else this.#end({ type: "lease.ended", problem, text });
    await this.#link?.finished();
  }

  /** `gateway` is lost in the life `boot`, and whoever it had connected with it. */
  gatewayLost(gateway: string, boot: string): void {
    const { open } = this.#options;
    if (open.gateway !== gateway || open.gatewayBoot !== boot) return;
    if (!this.#isAnswered) this.deny("internal", "the gateway is lost");
    else if (this.#link) this.#leave(false, { type: "lease.ended", problem: "internal", text: "" });
  }

  #answer(data: Uint8Array): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#options.respond(data);
    this.#options.turn.answered();
  }

  #decided(): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#options.turn.decided();
  }

  #onLoginTimeout(): void {
    this.#log.warning("The login has taken too long; its worker is killed");
    this.#options.kill();
    if (this.#link) this.#end({ type: "lease.refused", problem: "login-timeout", text: "" });
    else this.deny("login-timeout", "no answer from the worker");
  }

  #onReply(reply: WorkerReply, descriptors: number[]): void {
    switch (reply.type) {
      case "lease.answer":
        return this.#onAnswer(reply);
      case "lease.denied":
        return this.deny(reply.problem, reply.cause);
      case "lease.notice":
        return this.#notices.add(reply.text);
      case "lease.prompt":
        return this.#onPrompt(reply);
      case "lease.report":
        return this.#send(reply);
      case "lease.tried":
        return this.#end(reply);
      case "lease.accepted":
        return this.#onAccepted(reply);
      case "lease.refused": {
        const { type, problem, text, cause } = reply;
        this.#log.warning("The login is refused: {problem}", { problem, cause });
        this.#decided();
        return this.#end({ type, problem, text });
      }
      case "channel.opened":
        return this.#onOpened(reply, descriptors);
      case "channel.failed":
        return this.#onFailed(reply);
      case "channel.exited":
        return this.#ownChannels?.exited(reply.channel, reply.exit);
      case "lease.resumed":
      case "session.kept":
        throw new ProtocolError(`Cannot take ${reply.type} for a lease that began here`);
      case "lease.closed":
        return this.#end({ type: "lease.ended", problem: "internal", text: "" });
      case "log":
        return this.#log[reply.level](reply.message, reply.properties);
      default:
        return reply satisfies never;
    }
  }

  #onAnswer({ envelope, suite, sendKey, receiveKey, login }: Reply<"lease.answer">): void {
    if (this.#phase !== "answering") return;
    this.#phase = "deciding";
    const { bus, pool, settings } = this.#options;
    const subject = toGatewaySubject(this.gateway, settings.name, this.id);
    const link = new LeaseLink({
      side: "host",
      seal: aeadFor(suite, sendKey, aes256Gcm),
      unseal: aeadFor(suite, receiveKey, aes256Gcm),
      carrier: { lend: (maxBytes) => bus.lend(subject, maxBytes) },
      pool,
      sessionTimeoutMs: settings.sessionTimeoutMs,
      // The answer may have been lost with the bus: then the gateway has given up, and nobody would close the lease.
      contactTimeoutMs: heartbeatTimeoutMs,
      onDead: (cause) => {
        this.#log.warning("The gateway is lost", { cause });
        this.#leave(false);
      },
    });
    sendKey.fill(0);
    receiveKey.fill(0);
    this.#link = link;
    this.#control = link.open(controlStream, {
      onRecord: (kind, data) => this.#onControl(kind, data),
      onWritable: () => {},
    });
    if (bus.state !== "up") link.suspended(true);
    this.#log.info("Opening for {login} with {suite}", { login, suite });
    this.#answer(envelope);
    const { open, sessions } = this.#options;
    if (open.purpose !== "sessions") return;
    this.#decided();
    this.#end({ type: "lease.sessions", sessions: sessions.listOf(open.user) });
  }

  #onPrompt({ type, prompt }: Reply<"lease.prompt">): void {
    if (this.#phase !== "deciding" || this.#isAsking) return;
    const { turn, open } = this.#options;
    if (!turn.thinks(open.client.address)) {
      return this.#end({ type: "lease.refused", problem: "host-busy", text: "" });
    }
    this.#isAsking = true;
    this.#send({ type, prompt });
  }

  /** Passes the answers on when PAM may go on; only the worker can read them. */
  #onResponses(sealed: Uint8Array): void {
    if (!this.#isAsking) return;
    this.#isAsking = false;
    const responses = sealed.slice();
    this.#options.turn.goOn(() => this.#worker?.send({ type: "lease.responses", responses }));
  }

  #onAccepted({ login }: Reply<"lease.accepted">): void {
    if (this.#phase !== "deciding" || !this.#link) return;
    try {
      this.#channels = this.#channelsFor(login, this.#link);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const { problem, detail } = error;
      this.#log.info("There is nothing to take up: {problem}", { problem });
      this.#decided();
      return this.#end({ type: "lease.refused", problem, text: detail ?? "" });
    }
    this.#phase = "open";
    clearTimeout(this.#loginTimer);
    this.#decided();
    this.#limits = limitLease(this.#options.open.grant, () => this.#channels?.activeAt ?? 0, (problem) => {
      this.#log.info("The roles of {user} allow no longer: {problem}", {
        user: this.#options.open.user,
        problem,
      });
      this.#end({ type: "lease.ended", problem, text: "" });
    });
    this.#log.info("Open for {login}", { login, tookMs: Math.round(performance.now() - this.openedAt) });
    this.#send({ type: "lease.accepted", login });
  }

  /** @throws {ProblemError} If there is no session to take up */
  #channelsFor(login: string, link: LeaseLink): OwnChannels | Attachment {
    const { open: { user, client, grant, purpose, session }, sessions, poller, settings } = this.#options;
    const { detachMs } = settings;
    const send = (message: HostMessage) => this.#send(message);
    if (purpose === "attach") {
      if (detachMs === 0) throw new ProblemError("attach-off");
      const found = sessions.find({ user, login }, session);
      this.#log.info("Takes up session {session}", { session: found.id });
      return new Attachment({ session: found, link, send, detachMs });
    }
    return new OwnChannels({
      poller,
      person: { user, login, from: client.address },
      sessions,
      detachMs,
      maxSessions: grant.maxSessions,
      send,
      tell: (request) => this.#tell(request),
      onError: (cause) => this.#onBroken(cause),
      onEmpty: () => this.#end(null),
    }, link);
  }

  get #ownChannels(): OwnChannels | null {
    return this.#channels instanceof OwnChannels ? this.#channels : null;
  }

  #onOpened({ channel, pid, tty, hushed }: Reply<"channel.opened">, descriptors: number[]): void {
    const own = this.#ownChannels;
    if (!own) return descriptors.forEach(closeDescriptor);
    this.#log.debug("Channel {channel} runs as {pid}", { channel, pid, tty });
    own.opened(channel, pid, descriptors, (newline) => {
      const notice = this.#notices.take(newline);
      return hushed ? noNotice : notice;
    });
  }

  #onFailed({ channel, problem, text, cause }: Reply<"channel.failed">): void {
    this.#log.warning("Channel {channel} has failed: {problem}", { channel, problem, cause });
    this.#ownChannels?.failed(channel);
    this.#send({ type: "channel.failed", channel, problem, text });
  }

  /** What it throws ends the link, and with it this lease alone. */
  #onControl(kind: RecordKind, data: Uint8Array): void {
    this.#control?.consumed(data.length);
    if (kind === RecordKind.message) this.#onGatewayMessage(decodeGatewayMessage(data));
    else if (kind === RecordKind.responses) this.#onResponses(data);
  }

  #onGatewayMessage(message: GatewayMessage): void {
    switch (message.type) {
      case "lease.close":
        return this.#leave(true);
      case "lease.detach":
        return this.#leave(false);
      default:
        // Before PAM has decided there are none: what is asked for then comes from a broken gateway.
        return this.#channels?.onMessage(message);
    }
  }

  #onBroken(cause: unknown): void {
    this.#log.error("A channel of the lease is broken", { cause });
    this.#end({ type: "lease.ended", problem: "internal", text: "" });
  }

  #send(message: HostMessage): void {
    this.#control?.send(RecordKind.message, encodeJson(message));
  }

  #onWorkerEnd(cause: unknown): void {
    this.#worker = null;
    this.#decided();
    clearTimeout(this.#killTimer);
    if (this.#phase !== "ended") {
      this.#log.error("The worker is gone without having closed the lease", { cause });
      if (this.#isAnswered) this.#end({ type: "lease.ended", problem: "worker-died", text: "" });
      else this.deny("worker-died", String(cause ?? "it has closed its socket"));
    }
    this.#goneIfOver();
  }

  /**
   * The connection is gone, in good order or cut. What may outlive it goes on, and with it the lease; else that ends, and
   * says `last` to the gateway.
   */
  #leave(isOrderly: boolean, last: HostMessage | null = null): void {
    const channels = this.#channels;
    if (this.#phase !== "open" || !channels) return this.#end(last);
    const livesOn = channels.leave(isOrderly);
    if (!livesOn) return this.#end(last);
    this.#log.info("Detached");
    if (last) this.#send(last);
    const link = this.#link;
    this.#link = null;
    this.#control = null;
    if (link) void farewell(link);
  }

  /** Hangs up every channel, has the worker close PAM, and says `last` to the gateway. Once. */
  #end(last: HostMessage | null): void {
    if (this.#phase === "ended") return;
    const wasOpen = this.#phase === "open";
    this.#phase = "ended";
    if (!this.#isAnswered) this.#options.turn.answered();
    this.#isAnswered = true;
    this.#isAsking = false;
    clearTimeout(this.#loginTimer);
    this.#limits?.[Symbol.dispose]();
    // Somebody's PAM goes on although nobody waits for it any more: until then it keeps its place.
    if (!this.#worker) this.#decided();
    if (this.#channels instanceof Attachment) this.#channels.leave(false);
    else this.#channels?.close();
    if (last) this.#send(last);
    this.#endWorker(wasOpen);
    this.#log.info("Ended");
    void this.#linger();
  }

  #endWorker(wasOpen: boolean): void {
    if (!this.#worker) return;
    const { loginGraceMs, hangupGraceMs, closeTimeoutMs } = this.#options.settings;
    const graceMs = (wasOpen ? 0 : loginGraceMs) + hangupGraceMs + closeTimeoutMs + killSlackMs;
    this.#killTimer = setTimeout(() => this.#options.kill(), graceMs);
    this.#tell({ type: "lease.close" });
  }

  #tell(request: WorkerRequest): void {
    try {
      this.#worker?.send(request);
    } catch (cause) {
      this.#log.warning("The worker does not read any more; it is killed", { cause });
      this.#options.kill();
    }
  }

  async #linger(): Promise<void> {
    if (this.#link) {
      await farewell(this.#link);
      this.#link = null;
    }
    this.#goneIfOver();
  }

  #goneIfOver(): void {
    if (this.#isGone || this.#phase !== "ended" || this.#worker || this.#link) return;
    this.#isGone = true;
    this.#options.onGone();
  }
}
