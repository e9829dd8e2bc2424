/** A NATS server (core only) for one machine: every identity proves itself with an nkey and has an allow-list. */

import type { KeyObject } from "node:crypto";
import { brokerIdPrefix } from "../../shared/bus/server_version.ts";
import type { AllowList } from "../../shared/protocol/subjects.ts";
import { version } from "../../shared/version.ts";
import { Client, type ClientHost, type ClientSubscription, type Publish } from "./client.ts";
import { maxClients, maxPayloadBytes, maxUnauthenticatedClients, tickMs } from "./limits.ts";
import { isSigned, readPublicNkey } from "./nkeys.ts";
import type { Outbox } from "./outbox.ts";
import { Permissions } from "./permissions.ts";
import { Router } from "./router.ts";

export interface BrokerIdentity {
  /** `U…`. */
  publicKey: string;
  allow: AllowList;
}

export interface BrokerOptions {
  /** @default {"127.0.0.1"} */
  host?: string;
  /** 0 takes a free one. @default {0} */
  port?: number;
  /** Nobody else may connect. */
  identities: readonly BrokerIdentity[];
  /** Told of connections that came, ended or were refused. */
  onEvent?: (event: BrokerEvent) => void;
}

export type BrokerEvent =
  | { kind: "connected"; client: number; identity: string }
  | { kind: "ended"; client: number; identity: string; reason: string }
  | { kind: "failed"; cause: unknown };

/** What core features the client may count on; it parses the leading three numbers. */
const protocolVersion = "2.10.0";
/** Status of a request nobody listens to (ADR-4 of the NATS architecture). */
const noResponders = new TextEncoder().encode("NATS/1.0 503\r\n\r\n");
/** Out of descriptors for a moment: accepting again at once would only spin. */
const acceptPauseMs = 100;

export class Broker implements ClientHost, AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #identities: Map<string, { key: KeyObject; allow: AllowList }>;
  readonly #onEvent: (event: BrokerEvent) => void;
  readonly #router = new Router<ClientSubscription>();
  readonly #clients = new Set<Client>();
  readonly #serving = new Set<Promise<void>>();
  /** Clients something was queued for since the last flush. */
  readonly #written = new Set<Outbox>();
  #accepting: Promise<void> | null = null;
  #ticker: ReturnType<typeof setInterval> | null = null;
  #lastId = 0;
  #closed = false;

  /** Binds; {@link accept} starts to serve. */
  constructor(options: BrokerOptions) {
    this.#identities = new Map(
      options.identities.map((
        { publicKey, allow },
      ) => [publicKey, { key: readPublicNkey(publicKey), allow }]),
    );
    this.#onEvent = options.onEvent ?? (() => {});
    this.#listener = Deno.listen({ hostname: options.host ?? "127.0.0.1", port: options.port ?? 0 });
  }

  get address(): { hostname: string; port: number } {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  /** The URL clients connect to. */
  get url(): string {
    return `nats://${this.address.hostname}:${this.address.port}`;
  }

  /** Starts to accept connections. */
  accept(): void {
    if (this.#accepting) return;
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#accepting = this.#acceptAll();
  }

  async #acceptAll(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#admit(await this.#listener.accept());
      } catch (cause) {
        if (this.#closed) return;
        this.#onEvent({ kind: "failed", cause });
        await new Promise((resolve) => setTimeout(resolve, acceptPauseMs));
      }
    }
  }

  #admit(conn: Deno.TcpConn): void {
    const strangers = [...this.#clients].filter(({ permissions }) => permissions === null).length;
    if (this.#clients.size >= maxClients || strangers >= maxUnauthenticatedClients) {
      conn.close();
      return;
    }
    conn.setNoDelay(true);
    const client = new Client(++this.#lastId, conn, this);
    this.#clients.add(client);
    const serving = client.serve().finally(() => {
      this.#clients.delete(client);
      this.#serving.delete(serving);
    });
    this.#serving.add(serving);
  }

  #tick(): void {
    const now = performance.now();
    for (const client of this.#clients) client.tick(now);
  }

  info(client: Client, nonce: string): string {
    const { hostname, port } = this.address;
    const info = {
      server_id: `${brokerIdPrefix}${version}`,
      server_name: "sallyport",
      version: protocolVersion,
      proto: 1,
      host: hostname,
      port,
      headers: true,
      max_payload: maxPayloadBytes,
      client_id: client.id,
      auth_required: true,
      nonce,
    };
    return `INFO ${JSON.stringify(info)}\r\n`;
  }

  authenticate(client: Client, nkey: string, signature: string, nonce: string): Permissions | null {
    const identity = this.#identities.get(nkey);
    if (!identity || !isSigned(identity.key, nonce, signature)) return null;
    client.identity = nkey;
    this.#onEvent({ kind: "connected", client: client.id, identity: nkey });
    return new Permissions(identity.allow);
  }

  subscribed(subscription: ClientSubscription): void {
    this.#router.add(subscription);
  }

  unsubscribed(subscription: ClientSubscription): void {
    this.#router.remove(subscription);
  }

  publish(from: Client, message: Publish, congested: Set<Outbox>): void {
    const { plain, queues } = this.#router.route(message.subject);
    let delivered = 0;
    for (const subscription of plain) {
      if (this.#deliver(from, subscription, message, congested)) delivered++;
    }
    for (const members of queues) {
      const first = Math.floor(Math.random() * members.length);
      // One that takes it; the publisher itself may not want its own.
      for (let index = 0; index < members.length; index++) {
        const subscription = members[(first + index) % members.length];
        if (!subscription || !this.#deliver(from, subscription, message, congested)) continue;
        delivered++;
        break;
      }
    }
    if (delivered === 0 && message.reply !== null && from.preferences.noResponders) {
      this.#answerNoResponders(from, message.reply);
    }
  }

  #deliver(from: Client, to: ClientSubscription, message: Publish, congested: Set<Outbox>): boolean {
    const { client } = to;
    if (client === from && !from.preferences.echo) return false;
    this.#send(to, message.subject, message.reply, message.headerBytes, message.payload);
    if (message.reply !== null) client.permissions?.grantResponse(message.reply, performance.now());
    client.checkBacklog();
    // Waiting for its own output could wait for itself.
    if (client !== from && client.outbox.isCongested) congested.add(client.outbox);
    return true;
  }

  #send(
    to: ClientSubscription,
    subject: string,
    reply: string | null,
    headerBytes: number,
    payload: Uint8Array,
  ): void {
    const { client, sid } = to;
    const where = reply === null ? `${subject} ${sid}` : `${subject} ${sid} ${reply}`;
    if (headerBytes > 0 && client.preferences.headers) {
      client.outbox.message(`HMSG ${where} ${headerBytes} ${payload.length}\r\n`, payload);
    } else {
      const body = payload.subarray(headerBytes);
      client.outbox.message(`MSG ${where} ${body.length}\r\n`, body);
    }
    this.#written.add(client.outbox);
    to.delivered++;
    if (to.max !== null && to.delivered >= to.max) client.drop(to);
  }

  #answerNoResponders(to: Client, reply: string): void {
    const { plain } = this.#router.route(reply);
    const inbox = plain.find(({ client }) => client === to);
    if (inbox) this.#send(inbox, reply, null, noResponders.length, noResponders);
  }

  flush(): void {
    for (const outbox of this.#written) outbox.flush();
    this.#written.clear();
  }

  ended(client: Client, reason: string): void {
    this.#onEvent({ kind: "ended", client: client.id, identity: client.identity, reason });
  }

  /** Closes every connection. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#listener.close();
    for (const client of this.#clients) client.close();
    await Promise.all([this.#accepting, ...this.#serving]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Starts a broker inside this process. */
export function startBroker(options: BrokerOptions): Broker {
  const broker = new Broker(options);
  broker.accept();
  return broker;
}
