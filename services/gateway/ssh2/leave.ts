/**
 * Telling a client that leaves from one that is lost.
 *
 * Stock: SSH_MSG_DISCONNECT "by application", which OpenSSH sends whatever ends it in good order (`~.`, SIGHUP of a closed
 * window, its last session's end), looks like a connection that was cut (lib/server.js, DISCONNECT).
 */

// @ts-types="@types/ssh2"
import type { Connection } from "ssh2";
import type { SshClient } from "./internals.ts";
import { DisconnectReason } from "./messages.ts";

const left = new WeakSet<Connection>();

/** Notices that the client takes its leave. */
export function watchLeave(client: SshClient): void {
  const handlers = client._protocol._handlers;
  const stock = handlers.DISCONNECT;
  handlers.DISCONNECT = (protocol, reason, description) => {
    if (reason === DisconnectReason.byApplication) left.add(client);
    stock(protocol, reason, description);
  };
}

/** Whether the client has said that it disconnects, rather than being cut off. */
export function hasTakenLeave(connection: Connection): boolean {
  return left.has(connection);
}
