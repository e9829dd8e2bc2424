/** One connection: reads commands, answers them, and hands publishes on to the broker. */

import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers";
import { Fields } from "../../shared/protocol/codec.ts";
import {
  authTimeoutMs,
  bulkReadBytes,
  cutAtBytes,
  lingerMs,
  maxControlLineBytes,
  maxPingsOut,
  maxSubscriptionsPerClient,
  pingIntervalMs,
  stallTimeoutMs,
} from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { type Command, CommandParser } from "./parser.ts";
import type { Permissions } from "./permissions.ts";
import { isSubject } from "./subject.ts";

export type Publish = Extract<Command, { kind: "publish" }>;

/** What one client subscribed to. */
export interface ClientSubscription {
  readonly client: Client;
  readonly sid: string;
  readonly subject: string;
  readonly queue: string | null;
  /** Ends after so many messages. */
  max: number | null;
  delivered: number;
}

/** What a client needs of the broker. */
export interface ClientHost {
  /** The INFO line for a client with this nonce, CRLF included. */
  info(client: Client, nonce: string): string;
  /** The rights of the identity that signed the nonce, or null when there is none. */
  authenticate(client: Client, nkey: string, signature: string, nonce: string): Permissions | null;
  subscribed(subscription: ClientSubscription): void;
  unsubscribed(subscription: ClientSubscription): void;
  /** Delivers to everyone the subject leads to; says who can take no more for now. */
  publish(from: Client, message: Publish, congested: Set<Outbox>): void;
  /** Writes what the last commands queued anywhere. */
  flush(): void;
  ended(client: Client, reason: string): void;
}

/** What a client said about itself in CONNECT. */
interface Preferences {
  verbose: boolean;
  echo: boolean;
  headers: boolean;
  noResponders: boolean;
}

/** nats-server's, for a client that says nothing. */
const defaultPreferences: Preferences = { verbose: true, echo: true, headers: false, noResponders: false };
const nonceBytes = 16;

/**
 * A read that finds data at hand resolves without a turn of the event loop: a producer in full spate would keep
 * the others waiting for tens of milliseconds (p99 20 ms without this, 5 ms with it, at the same rate).
 */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function flag(fields: Fields, name: string, missing: boolean): boolean {
  return fields.isNull(name) ? missing : fields.boolean(name);
}

export class Client {
  readonly id: number;
  readonly outbox: Outbox;
  readonly subscriptions = new Map<string, ClientSubscription>();
  readonly #conn: Deno.TcpConn;
  readonly #host: ClientHost;
  readonly #parser = new CommandParser();
  readonly #nonce = randomBytes(nonceBytes).toString("base64url");
  readonly #startedAt = performance.now();
  readonly #congested = new Set<Outbox>();
  preferences = defaultPreferences;
  /** Null until it has proven its identity. */
  permissions: Permissions | null = null;
  /** Public nkey, for the log. */
  identity = "";
  #heardAt = performance.now();
  #pingsOut = 0;
  #isPaused = false;
  #endedAt: number | null = null;

  constructor(id: number, conn: Deno.TcpConn, host: ClientHost) {
    this.id = id;
    this.#conn = conn;
    this.#host = host;
    this.outbox = new Outbox(conn, () => this.#finish("the connection was lost"));
  }

  /** Serves the connection until it ends. Never rejects. */
  async serve(): Promise<void> {
    this.outbox.line(this.#host.info(this, this.#nonce));
    this.outbox.flush();
    const onCommand = (command: Command) => {
      if (this.#endedAt === null) this.#execute(command);
    };
    try {
      for (;;) {
        const bytes = await this.#conn.read(this.#parser.space());
        if (bytes === null) break;
        this.#heardAt = performance.now();
        this.#pingsOut = 0;
        this.#parser.advance(bytes, onCommand);
        this.outbox.flush();
        this.#host.flush();
        if (bytes >= bulkReadBytes) await nextTurn();
        if (this.#congested.size > 0) await this.#pause();
      }
      this.#finish("it closed the connection");
    } catch (cause) {
      this.#finish(`the connection was lost: ${cause instanceof Error ? cause.message : cause}`);
    }
  }

  /** Reads nothing until those it produces for have caught up. */
  async #pause(): Promise<void> {
    this.#isPaused = true;
    for (const outbox of this.#congested) await outbox.caughtUp();
    this.#congested.clear();
    this.#isPaused = false;
    this.#heardAt = performance.now();
  }

  #execute(command: Command): void {
    if (command.kind === "broken") return this.end(command.text);
    if (command.kind === "connect") return this.#connect(command.options);
    if (!this.permissions) return this.end("Authorization Violation");
    switch (command.kind) {
      case "publish":
        return this.#publish(command, this.permissions);
      case "subscribe":
        return this.#subscribe(command.subject, command.queue, command.sid, this.permissions);
      case "unsubscribe":
        return this.#unsubscribe(command.sid, command.max);
      case "ping":
        return this.outbox.line("PONG\r\n");
      case "pong":
        return;
      default:
        return command satisfies never;
    }
  }

  #connect(options: Uint8Array): void {
    if (this.permissions) return this.end("Parser Error");
    try {
      const fields = Fields.parse(options, maxControlLineBytes, "CONNECT");
      const nkey = fields.isNull("nkey") ? "" : fields.string("nkey");
      const signature = fields.isNull("sig") ? "" : fields.string("sig");
      this.preferences = {
        verbose: flag(fields, "verbose", true),
        echo: flag(fields, "echo", true),
        headers: flag(fields, "headers", false),
        noResponders: flag(fields, "headers", false) && flag(fields, "no_responders", false),
      };
      this.permissions = this.#host.authenticate(this, nkey, signature, this.#nonce);
    } catch {
      return this.end("Parser Error");
    }
    if (!this.permissions) return this.end("Authorization Violation");
    this.#ok();
  }

  #ok(): void {
    if (this.preferences.verbose) this.outbox.line("+OK\r\n");
  }

  #error(text: string): void {
    this.outbox.line(`-ERR '${text}'\r\n`);
  }

  #publish(message: Publish, permissions: Permissions): void {
    if (!permissions.mayPublish(message.subject, performance.now())) {
      return this.#error(`Permissions Violation for Publish to "${message.subject}"`);
    }
    this.#ok();
    this.#host.publish(this, message, this.#congested);
  }

  #subscribe(subject: string, queue: string | null, sid: string, permissions: Permissions): void {
    if (!isSubject(subject)) return this.#error("Invalid Subject");
    if (!permissions.maySubscribe(subject)) {
      const group = queue === null ? "" : ` using queue "${queue}"`;
      return this.#error(`Permissions Violation for Subscription to "${subject}"${group}`);
    }
    if (this.subscriptions.size >= maxSubscriptionsPerClient) {
      return this.#error("maximum subscriptions exceeded");
    }
    this.#ok();
    // A client that reconnects may say it twice.
    if (this.subscriptions.has(sid)) return;
    const subscription = { client: this, sid, subject, queue, max: null, delivered: 0 };
    this.subscriptions.set(sid, subscription);
    this.#host.subscribed(subscription);
  }

  #unsubscribe(sid: string, max: number | null): void {
    this.#ok();
    const subscription = this.subscriptions.get(sid);
    if (!subscription) return;
    subscription.max = max;
    if (max === null || subscription.delivered >= max) this.drop(subscription);
  }

  /** Ends one subscription. */
  drop(subscription: ClientSubscription): void {
    if (this.subscriptions.delete(subscription.sid)) this.#host.unsubscribed(subscription);
  }

  /** Looks after the deadlines; called every second. */
  tick(now: number): void {
    if (this.#endedAt !== null) {
      if (now - this.#endedAt > lingerMs) this.#finish("it was ended");
    } else if (!this.permissions) {
      if (now - this.#startedAt > authTimeoutMs) this.end("Authentication Timeout");
    } else if (this.outbox.stalledMs(now) > stallTimeoutMs) {
      this.cut();
    } else if (!this.#isPaused && now - this.#heardAt > pingIntervalMs * (this.#pingsOut + 1)) {
      this.#ping();
    }
  }

  #ping(): void {
    if (this.#pingsOut >= maxPingsOut) return this.end("Stale Connection");
    this.#pingsOut++;
    this.outbox.line("PING\r\n");
    this.outbox.flush();
  }

  /** Cuts a consumer that is too far behind. */
  checkBacklog(): void {
    if (this.outbox.pendingBytes > cutAtBytes) this.cut();
  }

  /** Ends a slow consumer at once: it would not read why. */
  cut(): void {
    this.#finish(`slow consumer, ${this.outbox.pendingBytes} bytes behind`);
  }

  /** Says why, then closes; the peer gets a moment to read it. */
  end(text: string): void {
    if (this.#endedAt !== null) return;
    this.#endedAt = performance.now();
    this.#error(text);
    this.outbox.end();
    this.#release(text);
  }

  /** Closes at once. Idempotent. */
  close(): void {
    this.#finish("the broker stops");
  }

  #released = false;

  /** Nothing is delivered to it and nothing taken from it any more. */
  #release(reason: string): void {
    if (this.#released) return;
    this.#released = true;
    for (const subscription of [...this.subscriptions.values()]) this.drop(subscription);
    this.#host.ended(this, reason);
  }

  #closed = false;

  #finish(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endedAt ??= performance.now();
    this.outbox.close();
    this.#release(reason);
    try {
      this.#conn.close();
    } catch {
      // Closed by its peer's reset already.
    }
  }
}
