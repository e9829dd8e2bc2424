/**
 * What happens when reading a packet throws.
 *
 * Stock emits the error and ends its half of the socket, but goes on parsing what still comes (lib/server.js
 * `socket.on('data')`). Here the client is told why, and nothing more of it is read.
 */

import { PacketCorrupt } from "./ciphers/framing.ts";
import { disconnect } from "./disconnect.ts";
import type { SshClient } from "./internals.ts";
import { DisconnectReason } from "./messages.ts";
import { ProtocolViolation } from "./wire_reader.ts";

function farewell(error: unknown): [DisconnectReason, string] {
  if (error instanceof PacketCorrupt) return [DisconnectReason.macError, error.message];
  if (error instanceof ProtocolViolation) return [DisconnectReason.protocolError, error.message];
  // ssh2's own checks, or a listener of ours: the text may say more than a client should know
  return [DisconnectReason.protocolError, "Protocol error"];
}

export function endOnError(client: SshClient): void {
  const { _protocol: protocol } = client;
  const stock = protocol.parse.bind(protocol);
  protocol.parse = (data, position, length) => {
    try {
      stock(data, position, length);
    } catch (error) {
      disconnect(client, ...farewell(error));
      client.emit("error", error instanceof Error ? error : new Error(String(error)));
    }
  };
}
