/**
 * New keys after a gibibyte or an hour.
 *
 * Stock never asks for new keys by itself; RFC 4253 §9 recommends it after a gigabyte or an hour.
 */

import type { ConnStream } from "./conn_stream.ts";
import type { SshClient } from "./internals.ts";

export interface RekeyLimits {
  /** Bytes, both directions together */
  bytes: number;
  ms: number;
}

export const defaultRekeyLimits: RekeyLimits = { bytes: 1024 ** 3, ms: 3_600_000 };

/**
 * Returns what to call for every inbound packet. Keepalives and window adjustments make sure there are some, so no
 * timer is needed.
 */
export function rekeyer(client: SshClient, limits: RekeyLimits): () => void {
  const { _protocol: protocol } = client;
  const socket = client._sock as ConnStream;
  let bytesAtLast = 0;
  let timeAtLast = performance.now();
  client.on("handshake", () => {
    bytesAtLast = socket.transferredBytes;
    timeAtLast = performance.now();
  });
  return () => {
    const due = socket.transferredBytes - bytesAtLast >= limits.bytes ||
      performance.now() - timeAtLast >= limits.ms;
    if (due && client.authenticated && protocol._kexinit === undefined) protocol.rekey();
  };
}
