/** How `start` knows that a process does its work: by asking it what its clients will ask. */

import type { Bus } from "../../../shared/bus/bus.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import type { ListenAddress } from "../../../shared/config/gateway_settings.ts";
import type { BusSettings } from "../../../shared/config/host_settings.ts";
import { hostHeartbeatSubject } from "../../../shared/protocol/subjects.ts";
import { openEnvelope } from "../../../shared/trust/envelope.ts";
import type { Trust } from "../../../shared/trust/identity.ts";
import { pause } from "./supervisor.ts";

const retryMs = 50;

/** An address that reaches a listener on the unspecified address too. */
export function dialled({ hostname, port }: ListenAddress): ListenAddress {
  if (hostname === "0.0.0.0") return { hostname: "127.0.0.1", port };
  return hostname === "::" ? { hostname: "::1", port } : { hostname, port };
}

/** Resolves when the first bytes a server at `address` sends begin with `greeting`, or when `signal` is aborted. */
export async function untilGreeted(
  address: ListenAddress,
  greeting: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if (await greets(dialled(address), greeting, signal)) return;
    await pause(retryMs, signal);
  }
}

async function greets(address: ListenAddress, greeting: string, signal: AbortSignal): Promise<boolean> {
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect(address);
  } catch {
    return false;
  }
  const close = () => connection.close();
  signal.addEventListener("abort", close);
  try {
    const buffer = new Uint8Array(greeting.length);
    let length = 0;
    while (length < buffer.length) {
      const read = await connection.read(buffer.subarray(length));
      if (read === null) return false;
      length += read;
    }
    return new TextDecoder().decode(buffer) === greeting;
  } catch {
    return false;
  } finally {
    signal.removeEventListener("abort", close);
    if (!signal.aborted) close();
  }
}

/** Resolves when a signed heartbeat of `host` is heard on the bus, or when `signal` is aborted. */
export async function untilHostIsHeard(
  options: { bus: BusSettings; auditor: string; host: string; trust: Trust },
  signal: AbortSignal,
): Promise<void> {
  using heard = new Heard(signal);
  let bus: Bus;
  try {
    const name = options.auditor;
    bus = await connectBus({ settings: options.bus, name, waitForFirst: true, signal, onError: () => {} });
  } catch (cause) {
    if (signal.aborted) return;
    throw cause;
  }
  bus.subscribe(hostHeartbeatSubject(options.host), ({ data }) => {
    try {
      openEnvelope(data, options.trust, "host", "host.heartbeat.v1");
      heard.resolve();
    } catch {
      // Not the host's: wait on.
    }
  });
  await heard.promise;
  await bus.close();
}

/** A promise that an abort settles as well. */
class Heard implements Disposable {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<void>();
    [this.promise, this.resolve, this.#signal] = [promise, () => resolve(), signal];
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", this.resolve);
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.resolve);
  }
}
