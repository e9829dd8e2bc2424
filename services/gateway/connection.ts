/** One SSH connection: authentication, the lease before success, then its sessions. */

// @ts-types="@types/ssh2"
import type { AuthContext, Connection, Session } from "ssh2";
import type { Logger } from "../../shared/log.ts";
import type { ClientAddress } from "../../shared/protocol/lease.ts";
import { ProblemError, problems } from "../../shared/protocol/problems.ts";
import type { AccessPolicy, Applicant } from "./access.ts";
import { parseTarget, type Target } from "./address.ts";
import { methodNamed, methodNames } from "./auth/methods.ts";
import type { Lease } from "./lease.ts";
import type { Leases } from "./leases.ts";
import { serveSession } from "./session.ts";
import { disconnect, DisconnectReason, rejectSession, sendBanner } from "./ssh2/mod.ts";

/** What a connection needs of its gateway. */
export interface ConnectionOptions {
  leases: Leases;
  /** The policy in force now; it may change while connections live. */
  policy: () => AccessPolicy;
  defaultHost: string;
  loginGraceMs: number;
  maxAuthTries: number;
  maxSessions: number;
  client: ClientAddress;
  log: Logger;
  /** Called once when the connection no longer counts as unauthenticated. */
  onSettled: () => void;
  onClosed: () => void;
}

export class SshConnection {
  readonly #ssh: Connection;
  readonly #options: ConnectionOptions;
  readonly #log: Logger;
  #failures = 0;
  #sessions = 0;
  #lease: Lease | undefined;
  /** The host has spoken: no other key of the same person changes its mind. */
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
    ssh.on("authentication", (context) => {
      this.#authenticate(context).catch((cause) => {
        this.#log.error("Authentication failed inside the gateway: {cause}", { cause: String(cause) });
        this.#tell(problems.internal);
        this.#continueWith(context);
      });
    });
    ssh.on("session", (accept, reject) => this.#session(accept as () => Session, reject));
    ssh.on("close", () => this.#close());
  }

  #onGraceOver(): void {
    this.#log.info("The login grace time is over");
    this.end("The login took too long; connect again.");
  }

  /** Closes the connection with a sentence OpenSSH prints. */
  end(sentence: string): void {
    disconnect(this.#ssh, DisconnectReason.byApplication, sentence);
  }

  async #authenticate(context: AuthContext): Promise<void> {
    const target = parseTarget(context.username, this.#options.defaultHost);
    const method = methodNamed(context.method);
    if (this.#refused) return this.#reject(context, true, "the host has refused already");
    if (!method) return this.#reject(context, context.method !== "none", "method not offered");
    if (!target) return this.#reject(context, true, "not a login name");
    const verdict = await method.judge({ context, login: target.login, policy: this.#options.policy() });
    switch (verdict.verdict) {
      case "key-welcome":
        return context.accept();
      case "rejected":
        return this.#reject(context, true, verdict.reason);
      case "accepted":
        return await this.#openLease(context, target, verdict.applicant);
    }
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
  #continueWith(context: AuthContext): void {
    context.reject([...methodNames] as Parameters<AuthContext["reject"]>[0]);
  }

  async #openLease(context: AuthContext, target: Target, applicant: Applicant): Promise<void> {
    const { leases, client } = this.#options;
    const log = this.#log.with({ ...target, user: applicant.user, fingerprint: applicant.fingerprint });
    try {
      const lease = await leases.open({ target, applicant, client });
      if (this.#closed) return void lease.close();
      this.#lease = lease;
      lease.ended.then(({ problem, text }) => {
        log.info("The lease has ended: {problem} {text}", { problem, text });
        if (this.#settled) this.end(problems[problem]);
      });
      await lease.accepted;
      if (lease.over) throw new ProblemError(lease.over.problem, undefined, { cause: lease.over.text });
    } catch (error) {
      if (this.#closed) return;
      const problem = error instanceof ProblemError
        ? error
        : new ProblemError("internal", undefined, { cause: error });
      log.warn("The login was refused: {problem} {detail} {cause}", {
        problem: problem.problem,
        detail: problem.detail ?? "",
        cause: String(problem.cause ?? ""),
      });
      this.#refused = true;
      this.#tell(
        problem.detail ? `${problem.detail}\n${problems[problem.problem]}` : problems[problem.problem],
      );
      this.#continueWith(context);
      return;
    }
    if (this.#closed) return;
    this.#settle();
    log.info("{user} has logged in as {login} on {host}");
    context.accept();
  }

  #session(accept: () => Session, reject: () => void): void {
    if (!this.#lease) return reject();
    if (this.#sessions >= this.#options.maxSessions) {
      return rejectSession(reject, problems["channel-limit"]);
    }
    this.#sessions++;
    serveSession(accept(), this.#lease, () => this.#sessions--);
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
    this.#lease?.close();
    this.#options.onClosed();
  }
}
