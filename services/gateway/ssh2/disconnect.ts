/**
 * Ending a connection with a reason and a sentence.
 *
 * Stock: `Protocol.disconnect(reason)` always sends an empty description, and `Client.end()` leaves the socket half
 * open until the client closes (lib/protocol/Protocol.js disconnect(), lib/server.js end()).
 */

// @ts-types="@types/ssh2"
import type { Connection } from "ssh2";
import type { SshClient } from "./internals.ts";
import { byte, type DisconnectReason, Message, sendMessageNow, string, uint32 } from "./messages.ts";

/**
 * Sends SSH_MSG_DISCONNECT (RFC 4253 §11.1), which OpenSSH shows to the person, and closes the socket: at once when
 * the client has taken everything, else within two seconds. Does nothing on a connection that is over.
 */
export function disconnect(connection: Connection, reason: DisconnectReason, description: string): void {
  const client = connection as SshClient;
  const socket = client._sock;
  if (socket.destroyed || socket.writableEnded) return;
  if (client._protocol._destruct) {
    sendMessageNow(client._protocol, [
      byte(Message.disconnect),
      uint32(reason),
      string(description),
      string(""),
    ]);
  }
  // Nothing the client still sends is looked at, and nothing more is sent
  socket.removeAllListeners("data");
  socket.resume();
  client._protocol.cleanup();
  socket.end();
}
