/** The NATS client's TCP and TLS transport, with a race of node:net under Deno closed off. */

import { isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect,
  type ConnectionOptions,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
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

  /**
   * Stock leaves the socket without a listener from the end of its own handshake on, and a server that refuses our
   * certificate says so (TLS 1.3) just then.
   */
  override async startTLS(): Promise<TLSSocket> {
    const { tls } = this.options;
    const own = typeof tls === "object" ? { ...tls, ...await this.loadClientCerts() } : {};
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const options = { socket: this.socket, servername: this.tlsName, ...own, rejectUnauthorized: true };
    const socket = withErrorListener(connect(options as ConnectionOptions, () => resolve(socket)));
    let reason: Error | undefined;
    const onError = (error: Error) => reason = error;
    const onClose = () =>
      reject(reason ?? new Error("Cannot agree on TLS: the server has closed the connection"));
    socket.on("error", onError).on("close", onClose);
    try {
      return await promise;
    } finally {
      socket.off("error", onError).off("close", onClose);
    }
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
