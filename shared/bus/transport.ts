/** The NATS client's TCP and TLS transport, with a race of node:net under Deno closed off. */

import { isIP, type Socket } from "node:net";
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from "node:tls";
import { setTransportFactory } from "@nats-io/nats-core/internal";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";

function ignore(): void {}

/**
 * Keeps one `error` listener on the socket for good, whatever is removed.
 *
 * The client removes all listeners when it gives a socket up, for instance after a refused login. Under Deno
 * the socket may emit its ECONNRESET a few milliseconds after that, and an `error` nobody listens to ends the
 * process (measured: 15-28 % of refused logins).
 */
export function withErrorListener<T extends Socket>(socket: T): T {
  const removeAll = socket.removeAllListeners.bind(socket);
  // The arguments are passed on as they came: removeAllListeners(undefined) would remove nothing.
  socket.removeAllListeners = (...names: [string?]) => {
    removeAll(...names as []);
    if (socket.listenerCount("error") === 0) socket.on("error", ignore);
    return socket;
  };
  socket.on("error", ignore);
  return socket;
}

/**
 * A server that is named by its address has no TLS name, and node:tls under Deno would then look for `localhost`
 * in its certificate.
 */
function checkedByAddress(address: string, options: NodeConnectionOptions): NodeConnectionOptions {
  if (!options.tls || isIP(address) === 0) return options;
  const check = (_name: string, certificate: PeerCertificate) => checkServerIdentity(address, certificate);
  return { ...options, tls: { ...options.tls, checkServerIdentity: check } as NodeConnectionOptions["tls"] };
}

/** The stock transport, each socket of which keeps an `error` listener. */
export class GuardedTransport extends NodeTransport {
  override connect(
    server: { hostname: string; port: number; tlsName: string },
    options: NodeConnectionOptions,
  ): Promise<void> {
    return super.connect(
      server,
      server.tlsName === "" ? checkedByAddress(server.hostname, options) : options,
    );
  }

  override async dial(server: { hostname: string; port: number }): Promise<Socket> {
    return withErrorListener(await super.dial(server));
  }

  override async startTLS(): Promise<TLSSocket> {
    return withErrorListener(await super.startTLS());
  }

  override async tlsFirst(server: { hostname: string; port: number }): Promise<TLSSocket> {
    return withErrorListener(await super.tlsFirst(server));
  }

  /** Bytes accepted by `send` that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.socket?.writableLength ?? 0;
  }
}

/** Makes {@link GuardedTransport} the one the client dials with; the client keeps this per process. */
export function useGuardedTransport(): void {
  setTransportFactory({ factory: () => new GuardedTransport(), dnsResolveFn: nodeResolveHost });
}
