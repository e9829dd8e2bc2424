/** The bus over core NATS. Nothing outside this folder imports a NATS package. */

import type { ConnectionOptions, NodeConnectionOptions } from "@nats-io/transport-node";
import { credsAuthenticator, NatsConnectionImpl, nkeyAuthenticator } from "@nats-io/nats-core/internal";
import type { BusSettings } from "../config/host_settings.ts";
import { inboxPrefix } from "../protocol/subjects.ts";
import { type Bus, BusError } from "./bus.ts";
import { type BusCredentials, readBusCredentials } from "./credentials.ts";
import { isRefusal, NatsBus, refusalError } from "./nats_bus.ts";
import { useGuardedTransport } from "./transport.ts";

export interface ConnectBusOptions {
  settings: BusSettings;
  /** Identity: names the client to the server and prefixes its reply inboxes. */
  name: string;
  /** Gets what no caller can be told: lost connections, permission violations, a listener that threw. */
  onError: (cause: unknown) => void;
  /** From {@link readBusCredentials}; without them the files are read now, before the first `await`. */
  credentials?: BusCredentials;
  /** Keeps trying until a server answers, telling `onError` why not. @default {false} */
  waitForFirst?: boolean;
  /** Ends the waiting. */
  signal?: AbortSignal;
}

/** Pause between two tries of a first connection. */
const firstRetryMs = 1_000;

function connectionOptions(options: ConnectBusOptions, credentials: BusCredentials): ConnectionOptions {
  const { nkeySeed, creds, tls } = credentials;
  const nodeOptions: NodeConnectionOptions = {
    servers: options.settings.servers,
    name: options.name,
    inboxPrefix: inboxPrefix(options.name),
    // As the configuration says: in turn.
    noRandomize: true,
    timeout: 5_000,
    // The client's default gives up for good after some 20 s.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    reconnectJitterTLS: 100,
    // A server that hangs is noticed in 15 s; the default takes minutes.
    pingInterval: 5_000,
    maxPingOut: 2,
    // A revoked login may be granted again; the process lives on and keeps asking.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
  };
  if (nkeySeed) nodeOptions.authenticator = nkeyAuthenticator(nkeySeed);
  if (creds) nodeOptions.authenticator = credsAuthenticator(creds);
  if (tls) {
    nodeOptions.tls = {
      ...(tls.ca !== null && { ca: tls.ca }),
      ...(tls.cert !== null && { cert: tls.cert }),
      ...(tls.key !== null && { key: tls.key }),
    };
  }
  return nodeOptions;
}

function connectError(servers: string[], cause: unknown): BusError {
  if (isRefusal(cause)) return refusalError(servers, cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  return new BusError("down", `Cannot connect to the bus at ${servers.join(", ")}: ${text}`, { cause });
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Connects to the first of `settings.servers` that answers, and reconnects for as long as the bus is open.
 *
 * All modules are loaded by importing this one and all files are read at once: privileges may be dropped right
 * after the call returned its promise, or before it with `credentials`.
 *
 * @throws {BusError} `down` or `refused`, unless `waitForFirst`
 */
export async function connectBus(options: ConnectBusOptions): Promise<Bus> {
  const credentials = options.credentials ?? readBusCredentials(options.settings);
  const natsOptions = connectionOptions(options, credentials);
  let told = "";
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      useGuardedTransport();
      const connection = await NatsConnectionImpl.connect(natsOptions) as NatsConnectionImpl;
      return new NatsBus(connection, options.settings.servers, options.onError);
    } catch (cause) {
      const error = connectError(options.settings.servers, cause);
      if (!options.waitForFirst) throw error;
      if (error.message !== told) options.onError(error);
      told = error.message;
      await pause(firstRetryMs, options.signal);
    }
  }
}
