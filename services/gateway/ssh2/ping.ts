/**
 * ping@openssh.com (OpenSSH PROTOCOL §1.12), and the answer to messages nobody knows.
 *
 * Stock ignores every unknown message; RFC 4253 §11.4 wants SSH_MSG_UNIMPLEMENTED.
 */

import type { Buffer } from "node:buffer";
import type { Protocol } from "./internals.ts";
import { byte, Message, sendMessage, string, uint32 } from "./messages.ts";
import { WireReader } from "./wire_reader.ts";

/** Echoes the data of a ping. @throws {ProtocolViolation} */
export function answerPing(protocol: Protocol, payload: Buffer): void {
  sendMessage(protocol, [byte(Message.pong), string(new WireReader(payload, 1).view())]);
}

/** Tells the client that its last packet meant nothing to us. */
export function answerUnimplemented(protocol: Protocol): void {
  // inSeqno is that of the next packet already
  sendMessage(protocol, [byte(Message.unimplemented), uint32(protocol._decipher.inSeqno - 1)]);
}

/** Messages ssh2 has a handler for, or may ignore (RFC 4250 §4.1.2). */
export function isKnownMessage(number: number): boolean {
  return number <= 7 || number === 20 || number === 21 || (number >= 30 && number <= 34) ||
    (number >= 50 && number <= 53) || (number >= 60 && number <= 61) || (number >= 80 && number <= 82) ||
    (number >= 90 && number <= 100);
}
