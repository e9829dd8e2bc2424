/**
 * The parts of npm ssh2 1.17.0 that we reach into, typed as far as we use them.
 *
 * ssh2 has no exports map and no types for these modules. Nothing here changes ssh2: every repair is applied to one
 * connection's own objects (its protocol, its handler table, its channels), so the module stays as it was published.
 */

import type { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import type { Duplex, Writable } from "node:stream";
// @ts-types="@types/ssh2"
import type { Connection } from "ssh2";

const require = createRequire(import.meta.url);

/** lib/protocol/keyParser.js: a private key that can sign. */
export interface HostKey {
  type: string;
  getPublicSSH(): Buffer;
  getPrivatePEM(): string | null;
  sign(data: Buffer, hashAlgorithm?: "sha256" | "sha512"): Buffer | Error;
}

/** lib/protocol/crypto.js: what turns packets into bytes. */
export interface PacketCipher {
  outSeqno: number;
  free(): void;
  /** Room for one packet: length, padding length and padding are filled in, the payload starts at 5. */
  allocPacket(payloadBytes: number): Buffer;
  encrypt(packet: Buffer): void;
}

/** What `onPayload` returns: `undefined` to go on, `false` when keys have changed, a number to stop there. */
export type PayloadResult = undefined | false | number;

/** lib/protocol/crypto.js: what turns bytes into payloads. */
export interface PacketDecipher {
  inSeqno: number;
  _onPayload(payload: Buffer): PayloadResult;
  free(): void;
  /** Returns where in `data` to go on, or `undefined` when all of it was used. */
  decrypt(data: Buffer, position: number, dataLength: number): PayloadResult;
}

export interface Negotiated {
  kex: string;
  serverHostKey: string;
  cs: { cipher: string; mac: string };
  sc: { cipher: string; mac: string };
}

/** lib/protocol/kex.js: one key exchange. */
export interface KeyExchange {
  /** `25519`, `ecdh`, `group`, `groupex` */
  type: string;
  hashName: string;
  sessionID: Buffer | undefined;
  negotiated: Negotiated;
  remoteExtInfoEnabled: boolean;
  _remoteKexinit: Buffer | undefined;
  convertPublicKey(key: Buffer): Buffer;
  computeSecret(clientPublicKey: Buffer): Buffer | Error;
  getPublicKey(): Buffer;
}

interface PacketWriter {
  allocStart: number;
  allocStartKEX: number;
  alloc(payloadBytes: number, force?: boolean): Buffer;
  finalize(packet: Buffer, force?: boolean): Buffer;
}

export interface ChannelOpenInfo {
  type: string;
  sender: number;
  window: number;
  packetSize: number;
  data: unknown;
}

export interface ChannelOpenConfirmation {
  recipient: number;
  sender: number;
  window: number;
  packetSize: number;
}

/** The table of what to do with each decoded message (lib/server.js); every connection has its own. */
export interface Handlers {
  DISCONNECT(protocol: Protocol, reason: number, description: string): void;
  CHANNEL_OPEN(protocol: Protocol, info: ChannelOpenInfo): void;
  CHANNEL_OPEN_CONFIRMATION(protocol: Protocol, info: ChannelOpenConfirmation): void;
  CHANNEL_DATA(protocol: Protocol, recipient: number, data: Buffer): void;
  CHANNEL_EXTENDED_DATA(protocol: Protocol, recipient: number, data: Buffer, type: number): void;
  CHANNEL_WINDOW_ADJUST(protocol: Protocol, recipient: number, bytes: number): void;
  CHANNEL_EOF(protocol: Protocol, recipient: number): void;
  CHANNEL_CLOSE(protocol: Protocol, recipient: number): void;
  CHANNEL_REQUEST(
    protocol: Protocol,
    recipient: number,
    type: string,
    wantReply: boolean,
    data: unknown,
  ): void;
  GLOBAL_REQUEST(protocol: Protocol, name: string, wantReply: boolean, data: unknown): void;
  USERAUTH_REQUEST(
    protocol: Protocol,
    username: string,
    service: string,
    method: string,
    methodData: unknown,
  ): void;
}

/** lib/protocol/Protocol.js */
export interface Protocol {
  _handlers: Handlers;
  _hostKeys: Record<string, HostKey>;
  _offer: KexOffer;
  _kex: KeyExchange | undefined;
  /** Our KEXINIT while keys are exchanged, else `undefined`. */
  _kexinit: Buffer | undefined;
  /** Packets held back while keys are exchanged. */
  _queue: Buffer[] | undefined;
  _strictMode: boolean | undefined;
  _authenticated: boolean;
  _cipher: PacketCipher;
  _decipher: PacketDecipher;
  _packetRW: { write: PacketWriter };
  _onWrite(data: Uint8Array): void;
  _onPayload(payload: Buffer): PayloadResult;
  _onHandshakeComplete(negotiated: Negotiated): void;
  _debug: ((line: string) => void) | undefined;
  /** `undefined` once the protocol has been torn down. */
  _destruct: (() => void) | undefined;
  parse(data: Buffer, position: number, length: number): void;
  /** Frees ciphers; nothing can be sent or read afterwards. */
  cleanup(): void;
  rekey(): void;
  requestSuccess(data?: Buffer): void;
  requestFailure(): void;
  channelSuccess(channel: number): void;
  channelFailure(channel: number): void;
  channelData(channel: number, data: Buffer): void;
  channelExtData(channel: number, data: Buffer, type: number): void;
  channelOpenFail(channel: number, reason: number, description: string): void;
  exitStatus(channel: number, status: number): void;
  channelEOF(channel: number): void;
  channelClose(channel: number): void;
}

/** One direction of a channel: the peer's number for it, and how much may be sent. */
export interface ChannelEnd {
  id: number;
  window: number;
  packetSize: number;
  state: "open" | "eof" | "closing" | "closed";
}

export interface ChannelInfo {
  type: string | undefined;
  incoming: ChannelEnd;
  outgoing: ChannelEnd;
}

/** lib/Channel.js, as a server has it. */
export interface SshChannel extends Duplex {
  type: string | undefined;
  subtype: string | undefined;
  incoming: ChannelEnd;
  outgoing: ChannelEnd;
  stderr: Writable;
  _client: SshClient;
  _waitWindow: boolean;
  _waitChanDrain: boolean;
  eof(): void;
  close(): void;
}

/** lib/server.js Session */
export interface SshSession {
  type: "session";
  subtype: string | undefined;
  _ending: boolean;
  _channel: SshChannel | undefined;
  _chanInfo: ChannelInfo;
  emit(event: string, ...parameters: unknown[]): boolean;
  listenerCount(event: string): number;
}

interface ChannelManager {
  get(id: number): SshSession | SshChannel | boolean | ((...parameters: unknown[]) => void) | undefined;
  update(id: number, value: unknown): void;
  remove(id: number): void;
  _count: number;
  cleanup(error: Error): void;
}

/** lib/server.js Client (exported as IncomingClient): {@link Connection} and its insides. */
export type SshClient = Connection & {
  _sock: Duplex;
  _protocol: Protocol;
  _chanMgr: ChannelManager;
  authenticated: boolean;
  noMoreSessions: boolean;
};

export interface KexOffer {
  lists: { kex: { array: string[] } };
}

interface AlgorithmLists {
  kex: string[];
  serverHostKey: string[];
  cs: { cipher: string[]; mac: string[]; compress: string[]; lang: string[] };
  sc: { cipher: string[]; mac: string[]; compress: string[]; lang: string[] };
}

export const { IncomingClient } = require("ssh2/lib/server.js") as {
  IncomingClient: new (
    socket: Duplex,
    hostKeys: Record<string, HostKey>,
    ident: Buffer | undefined,
    offer: KexOffer,
    debug: ((line: string) => void) | undefined,
    /** Only `emit("connection", client, info)` is called, when the client's identification has come. */
    server: { emit(event: string, ...parameters: unknown[]): boolean },
    config: { keepaliveInterval?: number; keepaliveCountMax?: number; banner?: string },
  ) => SshClient;
};

export const { KexInit } = require("ssh2/lib/protocol/kex.js") as {
  KexInit: new (lists: AlgorithmLists) => KexOffer;
};

export const { Channel, MAX_WINDOW, windowAdjust } = require("ssh2/lib/Channel.js") as {
  Channel: new (client: SshClient, info: ChannelInfo, options: { server: true }) => SshChannel;
  MAX_WINDOW: number;
  windowAdjust(channel: SshChannel): void;
};

export const { sendPacket, convertSignature } = require("ssh2/lib/protocol/utils.js") as {
  /** @returns Whether it went out at once; `false` while keys are exchanged, when it is queued */
  sendPacket(protocol: Protocol, packet: Buffer, bypass?: boolean): boolean;
  convertSignature(signature: Buffer, keyType: string): Buffer | false;
};

export const { parseKey } = require("ssh2/lib/protocol/keyParser.js") as {
  parseKey(text: string): HostKey | HostKey[] | Error;
};

/** The session or channel behind a recipient number; `null` for anything else. */
export function findSession(client: SshClient, recipient: number): SshSession | null {
  const found = client._chanMgr.get(recipient);
  return typeof found === "object" && "_chanInfo" in found ? found : null;
}

/** The channel behind a recipient number, also when it is a session's. */
export function findChannel(client: SshClient, recipient: number): SshChannel | null {
  const found = client._chanMgr.get(recipient);
  if (typeof found !== "object") return null;
  if ("_chanInfo" in found) return found._channel ?? null;
  return found;
}

export interface CipherInfo {
  /** Such as `aes-128-gcm` */
  sslName: string;
  keyLen: number;
  ivLen: number;
}

export interface MacInfo {
  /** `sha256` or `sha512`, of those we offer */
  sslName: string;
  len: number;
  isETM: boolean;
}

/** What ssh2 knows about the algorithms, by their SSH names. */
export const { CIPHER_INFO, MAC_INFO } = require("ssh2/lib/protocol/crypto.js") as {
  CIPHER_INFO: Record<string, CipherInfo>;
  MAC_INFO: Record<string, MacInfo>;
};
