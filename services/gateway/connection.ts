/** One SSH connection: authentication, the lease before success, then its sessions. */

// @ts-types="@types/ssh2"
import type { AuthContext, Connection, ServerChannel, Session } from "ssh2";
import type { Logger } from "../../shared/log.ts";
import type { ClientAddress } from "../../shared/protocol/lease.ts";
import { ProblemError, problems } from "../../shared/protocol/problems.ts";
import type { Prompt } from "../../shared/protocol/prompt.ts";
import type { Applicant } from "./access.ts";
import { type Address, parseAddress, whatAddressesAre } from "./address.ts";
import type { AuthMethod } from "./auth/method.ts";
import type { AuthMethods } from "./auth/methods.ts";
import type { CommandServices } from "./commands/command.ts";
import { serveCommand } from "./commands/serve.ts";
import { entranceOf, type Way } from "./entrance.ts";
import { hostOfDestination, type Jumps } from "./jump.ts";
import { namesText } from "./hosts.ts";
import type { Lease } from "./lease.ts";
import type { LeaseRequest } from "./leases.ts";
import { serveSession } from "./session.ts";
import {
  disconnect,
  DisconnectReason,
  hasTakenLeave,
  passwordOf,
  rejectSession,
  sendBanner,
} from "./ssh2/mod.ts";

/** What a connection needs of its gateway. */
export interface ConnectionOptions extends CommandServices {
  methods: AuthMethods;
  /** What a bare login means; `null` where it means nothing but a jump. */
  defaultHost: string | null;
  jumps: Jumps;
  /** Inside a jump: the host it leads to, and no other. */
  inside?: string;
  loginGraceMs: number;
  maxAuthTries: number;
  maxSessions: number;
  client: ClientAddress;
  log: Logger;
  /** Called once when the connection no longer counts as unauthenticated. */
  onSettled: () => void;
  onClosed: () => void;
}

/** Who wants to be whom, and what of it PAM is to prove. */
type Claim = Pick<LeaseRequest, "target" | "applicant" | "pamAuth">;

export class SshConnection {
  readonly #ssh: Connection;
  readonly #options: ConnectionOptions;
  readonly #log: Logger;
  /** The last request; an earlier one has been abandoned. */
  #current: AuthContext | undefined;
  /** Settled when the requests before have been answered. */
  #turn: Promise<void> = Promise.resolve();
  #failures = 0;
  #sessions = 0;
  /** By the person's roles; 0 is no limit. */
  #grantedSessions = 0;
  /** What a first method has proven, while PAM wants to hear more. */
  #proven: Claim | undefined;
  /** Opened, and not decided yet. */
  #pending: { claim: Claim; lease: Lease } | undefined;
  #lease: Lease | undefined;
  /** In place of a lease: somebody talks to the gateway itself. */
  #command: Extract<Way, { to: "command" }> | undefined;
  /** Or goes on to hosts, by connections inside this one. */
  #jumper: Applicant | undefined;
  readonly #inner = new Set<SshConnection>();
  /** The host has spoken: no other key or password of the same person changes its mind. */
  #refused = false;
  #closed = false;
  #settled = false;
  readonly #graceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(ssh: Connection, options: ConnectionOptions) {
    this.#ssh = ssh;
    this.#options = options;
    const { address, port } = options.client;
    this.#log = options.log.with({ client: `${address}:${port}` });
    if (options.loginGraceMs > 0) {
      this.#graceTimer = setTimeout(() => this.#onGraceOver(), options.loginGraceMs);
    }
    ssh.on(
      "error",
      (error: Error) => this.#log.debug("SSH connection failed: {reason}", { reason: error.message }),
    );
    ssh.on("authentication", (context) => this.#queue(context));
    ssh.on("session", (accept, reject) => this.#session(accept as () => Session, reject));
    ssh.on("tcpip", (accept, reject, destination) => this.#jump(accept, reject, destination));
    ssh.on("close", () => this.#close());
  }

  #onGraceOver(): void {
    this.#log.info("The login grace time is over");
    this.end("The login took too long; connect again.");
  }

  get isLoggedIn(): boolean {
    return this.#lease !== undefined || [...this.#inner].some(({ isLoggedIn }) => isLoggedIn);
  }

  /** Closes the connection with a sentence OpenSSH prints. */
  end(sentence: string): void {
    disconnect(this.#ssh, DisconnectReason.byApplication, sentence);
  }

  /**
   * One request after the other: who abandons one (RFC 4252 §5.1) after they have answered PAM waits for its verdict, and
   * neither learns nor gains anything by being fast.
   */
  #queue(context: AuthContext): void {
    this.#current = context;
    this.#turn = this.#turn.then(() => this.#authenticate(context)).catch((cause) => {
      this.#log.error("Authentication failed inside the gateway: {cause}", { cause: String(cause) });
      this.#tell(problems.internal);
      this.#continueWith(context);
    }).finally(() => {
      if (context.method === "password") passwordOf(context)?.fill(0);
    });
  }

  async #authenticate(context: AuthContext): Promise<void> {
    if (this.#closed || this.#refused) return;
    const { hosts, methods, policy } = this.#options;
    const address = this.#addressOf(context.username);
    const method = this.#offered.includes(context.method) ? methods.named(context.method) : undefined;
    if (!method) return this.#reject(context, context.method !== "none", "method not offered");
    if (!address) {
      if (this.#failures === 0) this.#tell(whatAddressesAre);
      return this.#reject(context, true, "not a login name");
    }
    if (address.to === "hosts" && method.name !== "publickey") {
      return this.#reject(context, true, "a jump, which only a key opens");
    }
    if (address.to === "command" && !methods.isKeyEnough) {
      return this.#reject(context, true, "a command of the gateway, which cannot ask PAM");
    }
    // Its labels decide, and there may have been no time yet to hear them.
    if (address.to === "account") await hosts.find(address.target.host);
    if (this.#proven) return await this.#logIn(context, method, this.#proven);
    const verdict = await method.judge({
      context,
      entrance: entranceOf(address, policy(), hosts, this.#options.client.address),
    });
    switch (verdict.verdict) {
      case "key-welcome":
        return context.accept();
      case "rejected":
        // What PAM's refusal looks like (below).
        if (method.name === "keyboard-interactive") this.#tell(problems["authentication-failed"]);
        return this.#reject(context, true, verdict.reason);
      case "accepted":
        return await this.#enter(context, method, verdict.way);
    }
  }

  async #enter(context: AuthContext, method: AuthMethod, way: Way): Promise<void> {
    const { applicant } = way;
    const log = this.#log.with({ user: applicant.user, fingerprint: applicant.fingerprint });
    switch (way.to) {
      case "account": {
        const pamAuth = this.#options.methods.pamAuth(method.name);
        return await this.#logIn(context, method, { target: way.target, applicant, pamAuth });
      }
      case "command":
        this.#command = way;
        this.#settle();
        log.info("{user} has asked for +{command}", { command: way.command });
        return context.accept();
      case "hosts":
        this.#jumper = applicant;
        this.#settle();
        log.info("{user} may jump");
        return context.accept();
      case "nowhere":
        return this.#onRefused(context, way.why, log, applicant);
    }
  }

  /** Methods that can continue. */
  get #offered(): string[] {
    const { methods } = this.#options;
    return this.#proven ? methods.second : methods.first;
  }

  /** MaxAuthTries counts every failed attempt, as sshd does; the opening `none` is free. */
  #reject(context: AuthContext, counts: boolean, reason: string): void {
    if (counts) {
      this.#failures++;
      const { method, username } = context;
      this.#log.info("Authentication of {login} by {method} refused: {reason}", {
        login: username.slice(0, 64),
        method,
        reason,
      });
    }
    if (this.#failures >= this.#options.maxAuthTries) {
      disconnect(this.#ssh, DisconnectReason.protocolError, "Too many authentication failures");
      return;
    }
    this.#continueWith(context);
  }

  /** SSH_MSG_USERAUTH_FAILURE with the methods there are; a client shown none would ask for a password. */
  #continueWith(context: AuthContext, isPartial = false): void {
    context.reject([...this.#offered] as Parameters<AuthContext["reject"]>[0], isPartial);
  }

  /** Has the host decide; what PAM asks meanwhile `method` answers, or the next one the client turns to. */
  async #logIn(context: AuthContext, method: AuthMethod, claim: Claim): Promise<void> {
    const log = this.#logOf(claim);
    try {
      const lease = await this.#leaseFor(claim);
      for (;;) {
        const decision = await lease.decision;
        if (context !== this.#current) return this.#abandoned(context, decision);
        if (decision === "accepted") break;
        const answers = await method.answer?.(context, decision) ?? "elsewhere";
        if (answers === "elsewhere") {
          this.#proven = claim;
          return this.#continueWith(context, true);
        }
        if (!answers) return this.#reject(context, true, "the questions were left unanswered");
        lease.respond(answers);
      }
      if (lease.over) throw new ProblemError(lease.over.problem, undefined, { cause: lease.over.text });
      if (this.#closed) return;
      this.#pending = undefined;
      this.#lease = lease;
    } catch (error) {
      return this.#onRefused(context, error, log, claim.applicant);
    }
    this.#grantedSessions = claim.applicant.grant.maxSessions;
    this.#settle();
    log.info("{user} has logged in as {login} on {host}");
    context.accept();
  }

  /** Counts as a failure, whatever PAM has said: nobody may ask it for nothing. */
  #abandoned(context: AuthContext, decision: Prompt | "accepted"): void {
    if (decision === "accepted") {
      void this.#pending?.lease.close();
      this.#pending = undefined;
    }
    this.#reject(context, true, "the request was abandoned");
  }

  #logOf({ target, applicant }: Claim): Logger {
    return this.#log.with({ ...target, user: applicant.user, fingerprint: applicant.fingerprint });
  }

  /** The lease that waits for the answers to its question, or a new one. */
  async #leaseFor(claim: Claim): Promise<Lease> {
    if (this.#pending?.claim === claim) return this.#pending.lease;
    void this.#pending?.lease.close();
    this.#pending = undefined;
    const { leases, client } = this.#options;
    const lease = await leases.open({ ...claim, client });
    if (this.#closed) void lease.close();
    else this.#pending = { claim, lease };
    lease.ended.then(({ problem, text }) => {
      this.#logOf(claim).info("The lease has ended: {problem} {text}", { problem, text });
      if (lease === this.#lease && this.#settled) this.end(problems[problem]);
    });
    return lease;
  }

  #onRefused(context: AuthContext, error: unknown, log: Logger, applicant: Applicant): void {
    if (this.#closed) return;
    this.#pending = undefined;
    const { problem, detail, cause } = error instanceof ProblemError
      ? error
      : new ProblemError("internal", undefined, { cause: error });
    log.warn("The login was refused: {problem} {detail} {cause}", {
      problem,
      detail: detail ?? "",
      cause: String(cause ?? ""),
    });
    if (problem === "authentication-failed") {
      // A client says so itself after a password, and asks again.
      if (detail || context.method !== "password") this.#tell(detail || problems[problem]);
      return this.#reject(context, true, "PAM on the host did not accept it");
    }
    this.#refused = true;
    if (problem === "host-unknown") this.#tell(this.#reachedBy(applicant));
    this.#tell(detail ? `${detail}\n${problems[problem]}` : problems[problem]);
    // As sshd does; else a client would try its other keys, and then ask for a password that nobody takes.
    disconnect(this.#ssh, DisconnectReason.noMoreAuthMethods, "The login was refused");
  }

  /** Inside a jump the host is settled. */
  #addressOf(username: string): Address | null {
    const { defaultHost, inside } = this.#options;
    const address = parseAddress(username, inside ?? defaultHost);
    const isThere = inside === undefined || (address?.to === "account" && address.target.host === inside);
    return isThere ? address : null;
  }

  #jump(
    accept: () => ServerChannel,
    reject: () => void,
    destination: { destIP: string; destPort: number },
  ): void {
    if (!this.#jumper) return rejectSession(reject, problems["no-forwarding"]);
    const { client, hosts, jumps, policy } = this.#options;
    const host = hostOfDestination(destination);
    const state = host === null ? null : hosts.lastHeard(host);
    const isReached = state !== null &&
      policy().reaches(this.#jumper, { host: state, source: client.address });
    // Whether there is such a host is only for those who reach it.
    if (host === null || !isReached) return rejectSession(reject, problems["host-unknown"]);
    if (this.#inner.size >= this.#options.maxSessions) {
      return rejectSession(reject, problems["channel-limit"]);
    }
    const inner = new SshConnection(jumps.open(accept(), host, client), {
      ...this.#options,
      inside: host,
      onSettled: () => {},
      onClosed: () => this.#inner.delete(inner),
    });
    this.#inner.add(inner);
  }

  /** What the gateway allows everybody, or less if a role says so. */
  get #maxSessions(): number {
    return Math.min(this.#options.maxSessions, this.#grantedSessions || Infinity);
  }

  /** Names of hosts, for somebody who has named one that is not there. */
  #reachedBy(applicant: Applicant): string {
    const { client, hosts, policy } = this.#options;
    const reached = hosts.all().filter((host) =>
      policy().reaches(applicant, { host, source: client.address })
    ).map(({ name }) => name);
    if (reached.length === 0) return "No host that you may log in to is up.";
    return `You may log in to ${namesText(reached)}.`;
  }

  #session(accept: () => Session, reject: () => void): void {
    if (this.#jumper) return rejectSession(reject, problems["only-jumps"]);
    if (!this.#lease && !this.#command) return reject();
    if (this.#sessions >= this.#maxSessions) {
      return rejectSession(reject, problems["channel-limit"]);
    }
    this.#sessions++;
    const done = () => this.#sessions--;
    if (this.#lease) serveSession(accept(), this.#lease, done);
    else if (this.#command) {
      const { client, hosts, leases, policy } = this.#options;
      const { applicant, command } = this.#command;
      serveCommand(accept(), command, { applicant, client, hosts, leases, policy }, this.#log, done);
    }
  }

  /** Shows a sentence before authentication is over (RFC 4252 §5.4). */
  #tell(sentence: string): void {
    sendBanner(this.#ssh, `${sentence}\n`);
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#graceTimer);
    this.#options.onSettled();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#settle();
    void this.#pending?.lease.close();
    if (hasTakenLeave(this.#ssh)) void this.#lease?.close();
    else void this.#lease?.detach();
    this.#options.onClosed();
  }
}
