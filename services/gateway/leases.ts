/** Opening leases: the signed request to a host, its signed answer, and where each frame off the bus belongs. */

import { type Bus, BusError } from "../../shared/bus/bus.ts";
import type { DryRunMessage, SessionInfo } from "../../shared/protocol/channel.ts";
import { encodeJson, Fields } from "../../shared/protocol/codec.ts";
import {
  type ClientAddress,
  decodeLeaseAnswer,
  type GatewayHeartbeat,
  type Labels,
  type LeaseOpen,
  type PamAuth,
  suitesWith,
} from "../../shared/protocol/lease.ts";
import {
  heartbeatIntervalMs,
  leaseAnswerTimeoutMs,
  leaseOpenTtlMs,
  maxEnvelopeBytes,
} from "../../shared/protocol/limits.ts";
import { isProblem, ProblemError } from "../../shared/protocol/problems.ts";
import {
  framesBetween,
  framesForGateway,
  gatewayHeartbeatSubject,
  leaseOfSubject,
  leaseOpenSubject,
  toHostSubject,
} from "../../shared/protocol/subjects.ts";
import { SteadyClock } from "../../shared/steady_clock.ts";
import { WindowPool } from "../../shared/stream/window.ts";
import { aeadFor } from "../../shared/trust/aead_for.ts";
import { openEnvelope, signEnvelope } from "../../shared/trust/envelope.ts";
import { deriveLeaseKeys, generateEphemeral } from "../../shared/trust/exchange.ts";
import { type Credential, type Identity, isRevoked } from "../../shared/trust/identity.ts";
import type { FleetTrust } from "../../shared/trust/revocations.ts";
import { ResponseCipher } from "../../shared/trust/responses.ts";
import { version } from "../../shared/version.ts";
import { aes256Gcm, hasLibcrypto } from "../../ffi/libcrypto.ts";
import type { Applicant } from "./access.ts";
import type { Target } from "./address.ts";
import type { Hosts, HostState } from "./hosts.ts";
import { Lease } from "./lease.ts";

/** What asking for a lease takes. */
export interface LeaseRequest {
  target: Target;
  applicant: Applicant;
  pamAuth: PamAuth;
  /** Nobody is to get in: what PAM would say is told instead. */
  dryRun?: { withSession: boolean; onFound: (found: DryRunMessage) => void };
  /** Nobody is to get in either: the applicant's sessions on the host are told. */
  onSessions?: (sessions: SessionInfo[]) => void;
  client: ClientAddress;
}

export interface LeasesOptions {
  bus: Bus;
  /** This gateway's name on the bus. */
  name: string;
  identity: Identity;
  trust: FleetTrust;
  hosts: Hosts;
  sessionTimeoutMs: number;
  /**
   * For whoever uses this gateway's name beside the gateway itself, for leases on one host: no heartbeat of its own, as
   * that would look like a restart and end the gateway's leases; and no frames of other hosts.
   */
  guestOn?: string;
}

/** In place of a login, where none is asked for. */
const nobody = "nobody";
/** More than a host sends before its answer has been read; what is beyond is resent anyway. */
const maxEarlyFrames = 16;

function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/** All leases of this gateway. */
export class Leases implements Disposable {
  readonly #options: LeasesOptions;
  readonly #pool = new WindowPool();
  /** By lease id; the host is kept to end its leases when it restarts or falls silent. */
  readonly #leases = new Map<string, { lease: Lease; host: string; credential: Credential }>();
  /** Frames that overtook the answer of a lease being opened: the reply is a promise, frames are callbacks. */
  readonly #early = new Map<string, Uint8Array[]>();
  readonly #boot = randomId();
  readonly #clock = new SteadyClock();
  /** By lease id: requests whose answer is waited for. */
  readonly #asking = new Map<string, { host: string; fail: (error: ProblemError) => void }>();
  readonly #stop: (() => void)[] = [];
  #isDraining = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
    const { bus, name, hosts, guestOn } = options;
    const subject = guestOn === undefined ? framesForGateway(name) : framesBetween(name, guestOn);
    const frames = bus.subscribe(subject, ({ subject, data }) => {
      const id = leaseOfSubject(subject);
      if (id === null) return;
      const entry = this.#leases.get(id);
      if (entry) return entry.lease.receive(data);
      const early = this.#early.get(id);
      if (early && early.length < maxEarlyFrames) early.push(data.slice());
    });
    const unwatch = bus.onState((state) => {
      for (const { lease } of this.#leases.values()) lease.busIsUp(state === "up");
      if (state === "up") this.#beat();
    });
    const timer = setInterval(() => {
      this.#beat();
      this.#endSilent();
    }, heartbeatIntervalMs);
    this.#stop.push(() => frames.unsubscribe(), unwatch, () => clearInterval(timer));
    hosts.onRestarted((host) => {
      this.#endAllOn(host, "the host has restarted");
      // Whoever was asked is gone, and with it the answer.
      for (const asking of this.#asking.values()) {
        if (asking.host === host) asking.fail(new ProblemError("stale-boot"));
      }
    });
    this.#beat();
  }

  get size(): number {
    return this.#leases.size;
  }

  /** Tells the hosts that this process goes on with what it has, even if another of its name starts. */
  drain(): void {
    this.#isDraining = true;
    this.#beat();
  }

  /**
   * Opens a lease; resolves once host and gateway share keys. PAM is still to come: await `lease.decision`.
   *
   * @throws {ProblemError}
   */
  async open(request: LeaseRequest): Promise<Lease> {
    const { hosts } = this.#options;
    const { host } = request.target;
    const state = await hosts.find(host);
    if (!state) throw new ProblemError(hosts.silentMs(host) > 0 ? "host-unreachable" : "host-unknown");
    try {
      return await this.#openOn(state, request);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem !== "stale-boot") throw error;
      const restarted = await hosts.find(host, { notBoot: state.boot });
      if (!restarted) throw error;
      return await this.#openOn(restarted, request);
    }
  }

  /**
   * The sessions on terminals that `applicant` has on `host`, whatever their logins.
   *
   * @throws {ProblemError}
   */
  async sessionsOn(
    host: string,
    { applicant, client }: Pick<LeaseRequest, "applicant" | "client">,
  ): Promise<SessionInfo[]> {
    const { promise: told, resolve: onSessions } = Promise.withResolvers<SessionInfo[]>();
    const target = { login: nobody, host };
    const lease = await this.open({ target, applicant, client, pamAuth: "host-decides", onSessions });
    const ended = lease.ended.then(({ problem, text }) => {
      throw new ProblemError(problem, text || undefined);
    });
    ended.catch(() => {}); // It may end after it has told.
    try {
      return await Promise.race([told, ended]);
    } finally {
      void lease.close();
    }
  }

  async #openOn(
    host: HostState,
    { target, applicant, pamAuth, client, dryRun, onSessions }: LeaseRequest,
  ): Promise<Lease> {
    // A list of sessions is of one's own, on whatever host; everything else was decided for these labels.
    if (!onSessions && !areSame(applicant.labels, host.labels)) throw new ProblemError("labels-changed");
    const { bus, name, identity, trust, sessionTimeoutMs } = this.#options;
    const ephemeral = generateEphemeral();
    const purpose = dryRun
      ? dryRun.withSession ? "dry-run-session" : "dry-run"
      : onSessions
      ? "sessions"
      : target.session === undefined
      ? "login"
      : "attach";
    const open: LeaseOpen = {
      type: "lease.open.v1",
      lease: randomId(),
      gateway: name,
      gatewayBoot: this.#boot,
      host: host.name,
      boot: host.boot,
      expiresAt: Math.round(performance.now() + host.clockOffsetMs + leaseOpenTtlMs),
      key: ephemeral.publicKey,
      suites: suitesWith(hasLibcrypto()),
      login: target.login,
      user: applicant.user,
      roles: applicant.roles,
      logins: applicant.logins,
      deniedLogins: applicant.deniedLogins,
      grant: applicant.grant,
      traits: applicant.traits,
      pamAuth,
      purpose,
      session: target.session ?? 0,
      method: applicant.method,
      fingerprint: applicant.fingerprint,
      client,
    };
    const early: Uint8Array[] = [];
    this.#early.set(open.lease, early);
    try {
      const reply = await this.#ask(open, signEnvelope(identity, open));
      const answered = readAnswer(reply, trust);
      const { answer } = answered;
      if (
        answer.lease !== open.lease || answer.host !== host.name || answer.gateway !== name ||
        answered.credential.name !== host.name || !open.suites.includes(answer.suite)
      ) throw new ProblemError("malformed", undefined, { cause: "the answer is not for this request" });
      const keys = deriveLeaseKeys({
        privateKey: ephemeral.privateKey,
        peerKey: answer.key,
        openBody: encodeJson(open),
        answerBody: answered.body,
      });
      const lease = new Lease({
        bus,
        subject: toHostSubject(host.name, name, open.lease),
        pool: this.#pool,
        sessionTimeoutMs,
        seal: aeadFor(answer.suite, keys.toHost, aes256Gcm),
        unseal: aeadFor(answer.suite, keys.toGateway, aes256Gcm),
        responses: new ResponseCipher(keys.responses),
        ...(dryRun && { onDryRun: dryRun.onFound }),
        ...(onSessions && { onSessions }),
      });
      this.#leases.set(open.lease, { lease, host: host.name, credential: answered.credential });
      lease.onGone(() => this.#leases.delete(open.lease));
      for (const frame of early) lease.receive(frame);
      return lease;
    } finally {
      this.#early.delete(open.lease);
    }
  }

  async #ask({ lease, host }: LeaseOpen, envelope: Uint8Array): Promise<Uint8Array> {
    const { promise: restarted, reject: fail } = Promise.withResolvers<never>();
    restarted.catch(() => {}); // The answer may come all the same.
    this.#asking.set(lease, { host, fail });
    const timeoutMs = leaseAnswerTimeoutMs;
    const answer = this.#options.bus.request(leaseOpenSubject(host), envelope, { timeoutMs });
    answer.catch(() => {}); // It may fail after the host has restarted.
    try {
      return await Promise.race([answer, restarted]);
    } catch (cause) {
      if (cause instanceof ProblemError) throw cause;
      const down = cause instanceof BusError && cause.reason === "down";
      throw new ProblemError(down ? "bus-down" : "host-unreachable", undefined, { cause });
    } finally {
      this.#asking.delete(lease);
    }
  }

  #endSilent(): void {
    const { hosts, sessionTimeoutMs } = this.#options;
    for (const host of new Set([...this.#leases.values()].map(({ host }) => host))) {
      if (hosts.silentMs(host) > sessionTimeoutMs) this.#endAllOn(host, "the host has fallen silent");
    }
  }

  #endAllOn(host: string, text: string): void {
    for (const entry of [...this.#leases.values()]) {
      if (entry.host === host) entry.lease.abandon("host-unreachable", text);
    }
  }

  /** Ends the leases on hosts that are trusted no more. */
  endRevoked(): void {
    for (const { lease, credential } of [...this.#leases.values()]) {
      if (isRevoked(credential, this.#options.trust)) {
        lease.abandon("host-unreachable", "the host was revoked");
      }
    }
  }

  #beat(): void {
    const { bus, name, identity, trust, guestOn } = this.#options;
    if (bus.state !== "up" || guestOn !== undefined) return;
    const beat: GatewayHeartbeat = {
      type: "gateway.heartbeat.v1",
      gateway: name,
      boot: this.#boot,
      at: this.#clock.now(),
      version,
      draining: this.#isDraining,
      revocations: trust.serial,
    };
    bus.publish(gatewayHeartbeatSubject(name), signEnvelope(identity, beat));
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stop.splice(0)) stop();
    for (const { lease } of [...this.#leases.values()]) lease.abandon("internal", "the gateway stops");
  }
}

function areSame(some: Labels, others: Labels): boolean {
  const names = Object.keys(some);
  return names.length === Object.keys(others).length &&
    names.every((name) => Object.hasOwn(others, name) && others[name] === some[name]);
}

/** Tells the signed answer from an unsigned denial, which is worth no more than a broken connection. */
function readAnswer(reply: Uint8Array, trust: FleetTrust) {
  const fields = Fields.parse(reply, maxEnvelopeBytes, "answer");
  if (fields.has("type")) {
    fields.oneOf("type", ["lease.denied.v1"]);
    const problem = fields.string("problem", 64);
    throw new ProblemError(isProblem(problem) ? problem : "internal", undefined, {
      cause: "denied by the host",
    });
  }
  const { body, credential } = openEnvelope(reply, trust, "host", "lease.answer.v1");
  return { answer: decodeLeaseAnswer(body), body, credential };
}
