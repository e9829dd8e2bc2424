/** SSH message numbers and reason codes (RFC 4250 §4), and building a message from its parts. */

import { Buffer } from "node:buffer";
import { type Protocol, sendPacket } from "./internals.ts";

export const Message = {
  disconnect: 1,
  unimplemented: 3,
  /** RFC 8308 */
  extInfo: 7,
  kexInit: 20,
  userauthRequest: 50,
  userauthBanner: 53,
  /** RFC 4256 */
  userauthInfoResponse: 61,
  globalRequest: 80,
  channelRequest: 98,
  /** PROTOCOL of OpenSSH, "ping@openssh.com" */
  ping: 192,
  pong: 193,
} as const;

/** RFC 4250 §4.2.2 */
export const DisconnectReason = {
  hostNotAllowed: 1,
  protocolError: 2,
  keyExchangeFailed: 3,
  macError: 5,
  serviceNotAvailable: 7,
  connectionLost: 10,
  byApplication: 11,
  tooManyConnections: 12,
  noMoreAuthMethods: 14,
} as const;
export type DisconnectReason = typeof DisconnectReason[keyof typeof DisconnectReason];

/** RFC 4250 §4.3 */
export const OpenFailure = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  unknownChannelType: 3,
  resourceShortage: 4,
} as const;
export type OpenFailure = typeof OpenFailure[keyof typeof OpenFailure];

export function byte(value: number): Buffer {
  return Buffer.of(value);
}

/** uint32 of RFC 4251 §5 */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** string of RFC 4251 §5 */
export function string(value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** Sends one message made of `parts`; it waits its turn while keys are exchanged. */
export function sendMessage(protocol: Protocol, parts: Uint8Array[]): void {
  const payload = Buffer.concat(parts);
  const writer = protocol._packetRW.write;
  const packet = writer.alloc(payload.length);
  packet.set(payload, writer.allocStart);
  sendPacket(protocol, writer.finalize(packet));
}

/** As {@link sendMessage}, also in the middle of a key exchange (only transport messages may, RFC 4253 §7.1). */
export function sendMessageNow(protocol: Protocol, parts: Uint8Array[]): void {
  const payload = Buffer.concat(parts);
  const writer = protocol._packetRW.write;
  const packet = writer.alloc(payload.length, true);
  packet.set(payload, writer.allocStartKEX);
  sendPacket(protocol, writer.finalize(packet, true), true);
}
