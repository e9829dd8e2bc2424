/** A lease whose dispatcher has died: its worker goes on, and its sessions on terminals wait to be taken up. */

import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { Logger } from "../../../shared/log.ts";
import { ProtocolError } from "../../../shared/protocol/codec.ts";
import type { WorkerReply, WorkerRequest } from "../../../shared/protocol/worker.ts";
import { limitLease } from "./lease_limits.ts";
import { OwnChannels } from "./own_channels.ts";
import type { Sessions } from "./sessions.ts";
import { WorkerLink } from "./worker_link.ts";

export interface KeptLeaseOptions {
  id: string;
  /** The worker's, the lease's from here on. */
  socket: number;
  settings: HostSettings;
  poller: Poller;
  sessions: Sessions;
  log: Logger;
  /** Asks the monitor to kill the worker. */
  kill: () => void;
  /** Nothing is left of it. */
  onGone: () => void;
}

export class KeptLease {
  readonly #options: KeptLeaseOptions;
  readonly #log: Logger;
  readonly #worker: WorkerLink;
  #channels: OwnChannels | null = null;
  /** Sessions the worker has still to hand over. */
  #awaited = 0;
  /** Until the worker has said what it has, and from when it is to end: it may be in PAM, or hang. */
  #killTimer: ReturnType<typeof setTimeout>;
  #limits: Disposable | null = null;
  #isEnded = false;

  constructor(options: KeptLeaseOptions) {
    const { id, log, poller, socket, settings } = options;
    this.#options = options;
    this.#log = log.with({ lease: id });
    this.#killTimer = this.#killAfter(
      settings.loginGraceMs + settings.hangupGraceMs + settings.closeTimeoutMs,
    );
    this.#worker = new WorkerLink(poller, socket, {
      onReply: (reply, descriptors) => this.#onReply(reply, descriptors),
      onEnd: (cause) => this.#onWorkerEnd(cause),
    });
  }

  /** The worker's process is gone, even if something it left behind still holds its socket. */
  workerGone(): void {
    this.#worker.close();
    this.#onWorkerEnd(null);
  }

  /** Hangs up what is left, and has the worker close PAM. Idempotent. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#limits?.[Symbol.dispose]();
    this.#log.info("Ended");
    this.#channels?.close();
    const { hangupGraceMs, closeTimeoutMs } = this.#options.settings;
    clearTimeout(this.#killTimer);
    this.#killTimer = this.#killAfter(hangupGraceMs + closeTimeoutMs);
    this.#tell({ type: "lease.close" });
  }

  #killAfter(ms: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#options.kill(), ms);
  }

  #onReply(reply: WorkerReply, descriptors: number[]): void {
    switch (reply.type) {
      case "lease.resumed": {
        const { user, login, from, sessions, idleTimeoutMs, ttlMs } = reply;
        this.#log.info("The worker has kept {count} sessions of {login}", { count: sessions, login });
        clearTimeout(this.#killTimer);
        this.#channels = this.#channelsOf({ user, login, from });
        this.#awaited = sessions;
        const activeAt = () => this.#channels?.activeAt ?? 0;
        this.#limits = limitLease({ idleTimeoutMs, ttlMs }, activeAt, (problem) => {
          this.#log.info("The roles of {user} allow no longer: {problem}", { user, problem });
          this.end();
        });
        if (sessions === 0) this.end();
        return;
      }
      case "session.kept":
        return this.#onKept(reply, descriptors);
      case "channel.exited":
        return this.#channels?.exited(reply.channel, reply.exit);
      case "log":
        return this.#log[reply.level](reply.message, reply.properties);
      default:
        // What it had to say to the dispatcher before, and that it has closed PAM.
        descriptors.forEach(closeDescriptor);
    }
  }

  #onKept({ channel, pid, ageMs }: WorkerReply & { type: "session.kept" }, descriptors: number[]): void {
    const [pty, ...more] = descriptors;
    more.forEach(closeDescriptor);
    if (this.#isEnded || !this.#channels || this.#awaited === 0) {
      if (pty !== undefined) closeDescriptor(pty);
      return;
    }
    if (pty === undefined) throw new ProtocolError("Cannot take up a session without its terminal");
    this.#awaited--;
    this.#channels.kept(channel, pid, ageMs, pty);
  }

  #channelsOf(person: { user: string; login: string; from: string }): OwnChannels {
    const { poller, sessions, settings } = this.#options;
    return new OwnChannels({
      poller,
      person,
      sessions,
      detachMs: settings.detachMs,
      // Nobody can open another one.
      maxSessions: 0,
      send: () => {},
      tell: (request) => this.#tell(request),
      onError: (cause) => {
        this.#log.error("A channel of the lease is broken", { cause });
        this.end();
      },
      onEmpty: () => {
        if (this.#awaited === 0) this.end();
      },
    }, null);
  }

  #tell(request: WorkerRequest): void {
    try {
      this.#worker.send(request);
    } catch (cause) {
      this.#log.warning("The worker does not read any more; it is killed", { cause });
      this.#options.kill();
    }
  }

  #onWorkerEnd(cause: unknown): void {
    clearTimeout(this.#killTimer);
    this.#limits?.[Symbol.dispose]();
    if (!this.#isEnded) {
      this.#log.error("The worker is gone without having closed the lease", { cause });
      this.#isEnded = true;
      this.#channels?.close();
    }
    this.#options.onGone();
  }
}
