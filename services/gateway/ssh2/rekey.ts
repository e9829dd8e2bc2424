/**
 * New keys after a gibibyte or an hour.
 *
 * Stock never asks for new keys by itself; RFC 4253 §9 recommends it after a gigabyte or an hour.
 */

import type { Transport } from "./transport.ts";
import type { SshClient } from "./internals.ts";
import { ProtocolViolation } from "./wire_reader.ts";

export interface RekeyLimits {
  /** Bytes, both directions together */
  bytes: number;
  ms: number;
}

/** Answers ssh2 may hold back while the client has not taken up our key exchange. */
const maxQueuedPackets = 1024;

export const defaultRekeyLimits: RekeyLimits = { bytes: 1024 ** 3, ms: 3_600_000 };

/**
 * Returns what to call for every inbound packet. Keepalives and window adjustments make sure there are some, so no
 * timer is needed.
 *
 * @throws {ProtocolViolation} From the returned function, when the client makes us answer instead of exchanging keys
 */
export function rekeyer(client: SshClient, limits: RekeyLimits): () => void {
  const { _protocol: protocol } = client;
  const socket = client._sock as Transport;
  let bytesAtLast = 0;
  let timeAtLast = performance.now();
  client.on("handshake", () => {
    bytesAtLast = socket.transferredBytes;
    timeAtLast = performance.now();
  });
  return () => {
    if ((protocol._queue?.length ?? 0) > maxQueuedPackets) {
      throw new ProtocolViolation("The client does not exchange keys");
    }
    const due = socket.transferredBytes - bytesAtLast >= limits.bytes ||
      performance.now() - timeAtLast >= limits.ms;
    if (due && client.authenticated && protocol._kexinit === undefined) protocol.rekey();
  };
}
