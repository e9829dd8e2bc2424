/**
 * Telling the person something before authentication is over.
 *
 * Stock: one fixed banner, sent with the first SERVICE_ACCEPT (lib/protocol/Protocol.js serviceAccept()). RFC 4252
 * §5.4 allows SSH_MSG_USERAUTH_BANNER any time before success, and OpenSSH prints each.
 */

// @ts-types="@types/ssh2"
import type { Connection } from "ssh2";
import type { SshClient } from "./internals.ts";
import { byte, Message, sendMessage, string } from "./messages.ts";

/** Sends `text`; does nothing after success or on a connection that is over. */
export function sendBanner(connection: Connection, text: string): void {
  const { _protocol: protocol, authenticated } = connection as SshClient;
  if (authenticated || !protocol._destruct) return;
  sendMessage(protocol, [
    byte(Message.userauthBanner),
    string(text),
    string(""),
  ]);
}
