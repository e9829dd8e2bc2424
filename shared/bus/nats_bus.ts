/** The `Bus` interface on one connection of the NATS client. */

import { errors, type NatsConnectionImpl } from "@nats-io/nats-core/internal";
import type { Bus, BusMessage, BusState, Loan, Subscription } from "./bus.ts";
import { BusError } from "./bus.ts";
import { brokerIdPrefix } from "./server_version.ts";
import { GuardedTransport } from "./transport.ts";

/** How long `close` waits for the server to take what is queued. */
const closeFlushMs = 2_000;
/** Before a server has said what it takes: the default of nats-server. */
const defaultMaxPayload = 1_048_576;

export class NatsBus implements Bus {
  readonly #connection: NatsConnectionImpl;
  readonly #servers: string[];
  readonly #onError: (cause: unknown) => void;
  readonly #listeners = new Set<(state: BusState) => void>();
  #state: BusState = "up";
  /** Counts connections, so that a late flush of an earlier one cannot say "up". */
  #incarnation = 0;
  /** Why it does not come up again, as told last; each of many attempts has the same reason. */
  #told = "";

  constructor(connection: NatsConnectionImpl, servers: string[], onError: (cause: unknown) => void) {
    this.#connection = connection;
    this.#servers = servers;
    this.#onError = onError;
    this.#watch();
  }

  get state(): BusState {
    return this.#state;
  }

  get serverVersion(): string | null {
    const { info } = this.#connection;
    return info && !info.server_id.startsWith(brokerIdPrefix) ? info.version : null;
  }

  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? defaultMaxPayload;
  }

  /** What waits in the client for its next write, and what the socket has not handed to the kernel yet. */
  get pendingBytes(): number {
    const { outbound, transport } = this.#connection.protocol;
    return outbound.size() + (transport instanceof GuardedTransport ? transport.queuedBytes : 0);
  }

  onState(listener: (state: BusState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  publish(subject: string, data: Uint8Array): void {
    // What is published while down would be lost anyway, save for what falls into the last moments: an accident
    // nobody should build on, and memory until then.
    if (this.#state !== "up" || this.#connection.isClosed()) return;
    if (data.length > this.maxPayload) {
      throw new RangeError(
        `Cannot publish ${data.length} bytes to ${subject}: at most ${this.maxPayload} are taken`,
      );
    }
    this.#connection.publish(subject, data);
  }

  /** One allocation for each loan; the client keeps a reference to it until it has written the bytes. */
  lend(subject: string, maxBytes: number): Loan {
    const buffer = new Uint8Array(maxBytes);
    return { buffer, commit: (bytes) => this.publish(subject, buffer.subarray(0, bytes)) };
  }

  subscribe(subject: string, onMessage: (message: BusMessage) => void): Subscription {
    if (this.#connection.isClosed()) throw new BusError("down", `Cannot subscribe to ${subject}: closed`);
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        // A permission violation; it reaches onError by the connection's status as well.
        if (error) return;
        try {
          onMessage({
            subject: message.subject,
            data: message.data,
            respond: (data) => {
              if (message.reply) this.publish(message.reply, data);
            },
          });
        } catch (cause) {
          // Thrown on, it would end the client's reader and with it the connection.
          this.#onError(cause);
        }
      },
    });
    return { unsubscribe: () => void (subscription.isClosed() || subscription.unsubscribe()) };
  }

  async request(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    if (this.#state !== "up") throw new BusError("down", `Cannot ask ${subject}: the bus is ${this.#state}`);
    const interrupted = Promise.withResolvers<never>();
    const stopWatching = this.onState((state) =>
      interrupted.reject(new BusError("down", `Cannot ask ${subject}: the bus went ${state}`))
    );
    const onAbort = () => interrupted.reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const answer = this.#connection.request(subject, data, { timeout: timeoutMs });
      // The client goes on waiting when we do not.
      answer.catch(() => {});
      const message = await Promise.race([answer, interrupted.promise]);
      return message.data.slice();
    } catch (cause) {
      throw requestError(subject, cause);
    } finally {
      stopWatching();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async flush(): Promise<void> {
    if (this.#state !== "up") throw new BusError("down", `Cannot flush: the bus is ${this.#state}`);
    try {
      await this.#connection.flush();
    } catch (cause) {
      throw new BusError("down", "Cannot flush: the connection was lost", { cause });
    }
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    if (this.#state === "up") {
      const deadline = Promise.withResolvers<void>();
      const timer = setTimeout(deadline.resolve, closeFlushMs);
      await Promise.race([this.#connection.flush().catch(() => {}), deadline.promise]);
      clearTimeout(timer);
    }
    this.#set("closed");
    await this.#connection.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      switch (status.type) {
        case "disconnect":
          this.#incarnation++;
          this.#set("down");
          break;
        case "reconnect":
          this.#comeUp(++this.#incarnation);
          break;
        case "error":
          this.#tell(status.error);
          break;
        case "close":
          this.#set("closed");
          break;
      }
    }
    this.#set("closed");
  }

  #tell(cause: unknown): void {
    if (!isRefusal(cause)) return this.#onError(cause);
    const error = refusalError(this.#servers, cause);
    if (error.message !== this.#told) this.#onError(error);
    this.#told = error.message;
  }

  /** The client has sent its subscriptions by now; one round trip later the server has them. */
  #comeUp(incarnation: number): void {
    this.#connection.flush().then(() => {
      if (incarnation !== this.#incarnation) return;
      this.#told = "";
      this.#set("up");
    }, () => {});
  }

  #set(state: BusState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (cause) {
        this.#onError(cause);
      }
    }
  }
}

/** Whether a server does not let us in, or no longer. */
export function isRefusal(cause: unknown): cause is Error {
  return cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError;
}

export function refusalError(servers: string[], cause: Error): BusError {
  return new BusError(
    "refused",
    `Cannot connect to the bus at ${
      servers.join(", ")
    }: ${cause.message}; nats-server's configuration must name ` +
      "this key, and be the one it runs with (nats-server --signal reload)",
    { cause },
  );
}

function requestError(subject: string, cause: unknown): unknown {
  if (cause instanceof errors.TimeoutError) {
    return new BusError("timeout", `Cannot ask ${subject}: no answer in time`, { cause });
  }
  if (
    cause instanceof errors.NoRespondersError ||
    (cause instanceof errors.RequestError && cause.isNoResponders())
  ) {
    return new BusError("no-responders", `Cannot ask ${subject}: nobody listens`, { cause });
  }
  const inner = cause instanceof errors.RequestError ? cause.cause : cause;
  if (inner instanceof errors.PermissionViolationError) {
    return new BusError("refused", `Cannot ask ${subject}: the bus does not allow it`, { cause });
  }
  if (cause instanceof errors.RequestError || cause instanceof errors.ClosedConnectionError) {
    return new BusError("down", `Cannot ask ${subject}: the connection was lost`, { cause });
  }
  return cause;
}
