/** All leases of this host: who may open one, which frame is whose, and whose gateway is gone. */

import type { Poller } from "../../../ffi/epoll.ts";
import type { Bus, BusMessage, BusState } from "../../../shared/bus/bus.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { Logger } from "../../../shared/log.ts";
import { encodeJson, ProtocolError } from "../../../shared/protocol/codec.ts";
import { decodeLeaseOpen, type LeaseDenied, type LeaseOpen } from "../../../shared/protocol/lease.ts";
import { leaseAnswerTimeoutMs, maxEnvelopeBytes } from "../../../shared/protocol/limits.ts";
import { type Problem, ProblemError } from "../../../shared/protocol/problems.ts";
import { leaseOfSubject } from "../../../shared/protocol/subjects.ts";
import { WindowPool } from "../../../shared/stream/window.ts";
import { openEnvelope } from "../../../shared/trust/envelope.ts";
import { type Credential, isRevoked, type Trust, TrustError } from "../../../shared/trust/identity.ts";
import { Admission, type Turn } from "./admission.ts";
import { DenialLog } from "./denial_log.ts";
import { Lease } from "./lease.ts";
import { KeptLease } from "./kept_lease.ts";
import type { MonitorLink } from "./monitor_link.ts";
import { Sessions } from "./sessions.ts";

export interface LeasesOptions {
  settings: HostSettings;
  trust: Trust;
  poller: Poller;
  monitor: MonitorLink;
  log: Logger;
}

export class Leases {
  readonly #options: LeasesOptions;
  readonly #leases = new Map<string, Lease>();
  /** Of the dispatcher before this one. */
  readonly #kept = new Map<string, KeptLease>();
  readonly #sessions = new Sessions();
  readonly #pool = new WindowPool();
  readonly #admission: Admission;
  readonly #denials: DenialLog;
  #isEnding = false;
  #isDraining = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#denials = new DenialLog(options.log);
    this.#admission = new Admission({
      maxOpening: options.settings.maxOpening,
      // As many workers starting at one time as keep every core busy; more would only all be late.
      maxStarting: 2 * Math.max(2, navigator.hardwareConcurrency),
      maxWaitMs: leaseAnswerTimeoutMs,
    });
  }

  /**
   * A gateway asks for a lease.
   *
   * @param boot The monitor's boot id, `null` before its first heartbeat
   * @param onGateway Called with a verified gateway, and the boot it is in
   */
  onOpen(
    bus: Bus,
    message: BusMessage,
    boot: string | null,
    onGateway: (gateway: string, boot: string) => void,
  ): void {
    const respond = message.respond.bind(message);
    const deny = (problem: Problem, cause: string) => {
      this.#denials.denied(problem, { cause });
      respond(encodeJson({ type: "lease.denied.v1", problem } satisfies LeaseDenied));
    };
    try {
      const envelope = message.data.slice();
      const { open, credential } = this.#verify(envelope, boot);
      const { lease: id, gateway } = open;
      onGateway(gateway, open.gatewayBoot);
      const admitted = this.#admission.ask(
        open.login,
        (turn) => {
          // It may have been asked for twice, and have waited for its turn.
          if (this.#isEnding) deny("host-unreachable", "the service stops");
          else if (this.#leases.has(id)) deny("replayed", "it waits already");
          else if (isRevoked(credential, this.#options.trust)) {
            deny("not-trusted", "it was revoked meanwhile");
          } else return this.#open(bus, { open, credential }, turn, envelope, respond);
          turn.answered();
          turn.decided();
        },
        () => deny("host-busy", "it has waited too long for its turn"),
      );
      if (!admitted) deny("host-busy", "too many requests wait");
    } catch (error) {
      const [problem, cause] = refusalOf(error);
      deny(problem, cause);
    }
  }

  /** The worker verifies again, with its own eyes; what fails here costs no worker. */
  #verify(envelope: Uint8Array, boot: string | null): { open: LeaseOpen; credential: Credential } {
    if (this.#isEnding) throw new ProblemError("host-unreachable");
    if (this.#isDraining) throw new ProblemError("host-draining");
    if (envelope.length > maxEnvelopeBytes) throw new ProtocolError("Cannot read so large an envelope");
    const { settings, trust } = this.#options;
    const { body, credential } = openEnvelope(envelope, trust, "gateway", "lease.open.v1");
    const open = decodeLeaseOpen(body);
    if (open.gateway !== credential.name || open.host !== settings.name) {
      throw new ProblemError("not-trusted");
    }
    if (open.boot !== boot) throw new ProblemError("stale-boot");
    if (this.#leases.has(open.lease)) throw new ProblemError("replayed");
    return { open, credential };
  }

  #open(
    bus: Bus,
    { open, credential }: { open: LeaseOpen; credential: Credential },
    turn: Turn,
    envelope: Uint8Array<ArrayBuffer>,
    respond: (data: Uint8Array) => void,
  ): void {
    const { settings, poller, log, monitor } = this.#options;
    const { lease: id, gateway } = open;
    const lease = new Lease({
      open,
      credential,
      envelope,
      settings,
      bus,
      poller,
      pool: this.#pool,
      sessions: this.#sessions,
      log,
      respond,
      turn,
      kill: () => monitor.kill(id),
      onDenied: (problem, cause) => this.#denials.denied(problem, { cause, lease: id, gateway }),
      onGone: () => this.#leases.delete(id),
    });
    this.#leases.set(id, lease);
    monitor.start(id);
  }

  get(id: string): Lease | undefined {
    return this.#leases.get(id);
  }

  /** The worker of `lease` has outlived the dispatcher before this one. Owns `socket` from here on. */
  keep(id: string, socket: number): void {
    const { settings, poller, log, monitor } = this.#options;
    const kept = new KeptLease({
      id,
      socket,
      settings,
      poller,
      sessions: this.#sessions,
      log,
      kill: () => monitor.kill(id),
      onGone: () => this.#kept.delete(id),
    });
    this.#kept.set(id, kept);
  }

  /** The worker of `lease` is gone, and PAM is closed. */
  workerGone(id: string): void {
    this.#leases.get(id)?.workerGone();
    this.#kept.get(id)?.workerGone();
  }

  /** A frame for a lease nobody knows is dropped: a late one, or noise. */
  onFrame({ subject, data }: BusMessage): void {
    const id = leaseOfSubject(subject);
    if (id !== null) this.#leases.get(id)?.receive(data);
  }

  onBusState(state: BusState): void {
    for (const lease of this.#leases.values()) lease.busIsUp(state === "up");
  }

  /** `gateway` is lost, in the life `boot`. */
  gatewayLost(gateway: string, boot: string): void {
    for (const lease of [...this.#leases.values()]) lease.gatewayLost(gateway, boot);
  }

  /** Ends the leases of gateways that are trusted no more. */
  endRevoked(): void {
    for (const lease of [...this.#leases.values()]) {
      if (isRevoked(lease.credential, this.#options.trust)) {
        void lease.end("not-trusted", "the gateway was revoked");
      }
    }
  }

  /** Opens no lease any more; those there are go on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Ends every lease and opens no more; resolves when the gateways know. */
  async endAll(problem: Problem, text: string): Promise<void> {
    this.#isEnding = true;
    for (const kept of [...this.#kept.values()]) kept.end();
    await Promise.all([...this.#leases.values()].map((lease) => lease.end(problem, text)));
    this.#denials[Symbol.dispose]();
  }
}

function refusalOf(error: unknown): [problem: Problem, cause: string] {
  if (error instanceof ProblemError || error instanceof TrustError) return [error.problem, error.message];
  if (error instanceof ProtocolError) return ["malformed", error.message];
  return ["internal", String(error)];
}
