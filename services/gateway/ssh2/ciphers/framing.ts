/** Cutting the inbound bytes into packets, whatever the cipher; a packet that arrived whole is decrypted in place. */

import { Buffer } from "node:buffer";
import type { PacketDecipher, PayloadResult } from "../internals.ts";

/** Largest packet_length taken; every implementation must take 35000 (RFC 4253 §6.1), and ssh2 takes no more. */
const maxPacketBytes = 35_000;

/** A packet that is forged, or too mangled to know where the next begins. */
export class PacketCorrupt extends Error {
  override name = "PacketCorrupt";
}

/** What one cipher suite does with a packet. */
export interface Opener extends Disposable {
  /** Bytes needed to learn the length. */
  readonly headerBytes: number;
  readonly tagBytes: number;
  readonly blockBytes: number;
  /** How much of the length field is outside of what is padded: 4 or 0. */
  readonly clearBytes: number;
  /** Returns packet_length; may decrypt `header` in place. */
  readLength(header: Uint8Array, sequence: number): number;
  /** Checks the tag and decrypts everything in place; `false` when forged. */
  open(packet: Uint8Array, sequence: number): boolean;
}

export class FramingDecipher implements PacketDecipher {
  inSeqno: number;
  _onPayload: (payload: Buffer) => PayloadResult;
  readonly #opener: Opener;
  readonly #header: Buffer;
  /** A packet that came in pieces. */
  #packet: Buffer | undefined;
  #have = 0;
  #freed = false;

  constructor(opener: Opener, sequence: number, onPayload: (payload: Buffer) => PayloadResult) {
    this.#opener = opener;
    this.inSeqno = sequence;
    this._onPayload = onPayload;
    this.#header = Buffer.alloc(opener.headerBytes);
  }

  free(): void {
    this.#freed = true;
    this.#opener[Symbol.dispose]();
  }

  decrypt(data: Buffer, position: number, dataLength: number): PayloadResult {
    while (position < dataLength) {
      // A payload's handler may have ended the connection
      if (this.#freed) return Infinity;
      let packet = this.#inPlace(data, position, dataLength);
      if (packet) position += packet.length;
      else {
        position = this.#gather(data, position, dataLength);
        if (!this.#packet || this.#have < this.#packet.length) continue;
        packet = this.#packet;
        this.#packet = undefined;
        this.#have = 0;
      }
      const result = this.#deliver(packet);
      if (result !== undefined) return result === false ? position : result;
    }
    return undefined;
  }

  /** The next packet as a view of `data` when it is all there; starts gathering it when only its head is. */
  #inPlace(data: Buffer, position: number, dataLength: number): Buffer | undefined {
    const { headerBytes } = this.#opener;
    if (this.#have > 0 || dataLength - position < headerBytes) return undefined;
    const total = this.#totalBytes(data.subarray(position, position + headerBytes));
    if (dataLength - position >= total) return data.subarray(position, position + total);
    this.#packet = Buffer.from(new ArrayBuffer(total));
    return undefined;
  }

  /** Takes what `data` has of the packet begun; returns where it stopped. */
  #gather(data: Buffer, position: number, dataLength: number): number {
    const target = this.#packet ?? this.#header;
    const end = Math.min(position + target.length - this.#have, dataLength);
    target.set(data.subarray(position, end), this.#have);
    this.#have += end - position;
    if (target === this.#header && this.#have === target.length) {
      this.#packet = Buffer.from(new ArrayBuffer(this.#totalBytes(this.#header)));
      this.#packet.set(this.#header);
    }
    return end;
  }

  /** Length of packet and tag. @throws {PacketCorrupt} */
  #totalBytes(header: Uint8Array): number {
    const { tagBytes, blockBytes, clearBytes } = this.#opener;
    const length = this.#opener.readLength(header, this.inSeqno);
    const padded = length + 4 - clearBytes;
    if (length > maxPacketBytes || padded < Math.max(blockBytes, 8) || padded % blockBytes !== 0) {
      throw new PacketCorrupt(`Cannot read a packet of ${length} bytes`);
    }
    return 4 + length + tagBytes;
  }

  #deliver(packet: Buffer): PayloadResult {
    if (!this.#opener.open(packet, this.inSeqno)) throw new PacketCorrupt("Corrupted MAC on input");
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    const end = packet.length - this.#opener.tagBytes - packet[4]!;
    if (end < 5) throw new PacketCorrupt("Cannot read a packet that is all padding");
    return this._onPayload(packet.subarray(5, end));
  }
}
