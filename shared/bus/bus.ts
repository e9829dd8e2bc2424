/** What Sallyport needs of a message bus, and nothing more. Only the adapter beside this file knows NATS. */

/** "up" only once every subscription is in force; "closed" for good. */
export type BusState = "up" | "down" | "closed";

export interface BusMessage {
  subject: string;
  /** Valid until the callback returns; copy what must live longer. */
  data: Uint8Array;
  /** Answers a request; does nothing when the message was not one. */
  respond(data: Uint8Array): void;
}

export interface Subscription {
  unsubscribe(): void;
}

/** A buffer the bus lends for one message: fill it, then commit how much of it counts. */
export interface Loan {
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** Publishes the first `bytes` bytes. The buffer is the bus's again afterwards. */
  commit(bytes: number): void;
}

/** At-most-once publish and subscribe. Whoever needs more builds on `shared/stream`. */
export interface Bus {
  readonly state: BusState;
  /** Version of nats-server; `null` for the embedded broker. */
  readonly serverVersion: string | null;
  /** Largest message in bytes. */
  readonly maxPayload: number;
  /** Calls `listener` at every change of state; returns how to stop. */
  onState(listener: (state: BusState) => void): () => void;
  /**
   * At most once, never throws while down; `data` belongs to the bus from here on.
   *
   * @throws {RangeError} If `data` is larger than {@link maxPayload}
   */
  publish(subject: string, data: Uint8Array): void;
  /** Lends a buffer of at least `maxBytes` for one publish to `subject`, so that a frame is written just once. */
  lend(subject: string, maxBytes: number): Loan;
  /** `onMessage` is synchronous and must not throw. */
  subscribe(subject: string, onMessage: (message: BusMessage) => void): Subscription;
  /**
   * @throws {BusError} `no-responders` at once when nobody listens, `timeout`, or `down`
   */
  request(
    subject: string,
    data: Uint8Array,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Bytes accepted by `publish` and not yet handed to the kernel; lets a producer pace itself. */
  readonly pendingBytes: number;
  flush(): Promise<void>;
  /** Sends what is queued, then closes. */
  close(): Promise<void>;
}

export class BusError extends Error {
  override name = "BusError";
  constructor(
    readonly reason: "no-responders" | "timeout" | "down" | "refused",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
