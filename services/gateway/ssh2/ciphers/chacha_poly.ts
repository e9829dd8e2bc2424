/** chacha20-poly1305@openssh.com (OpenSSH PROTOCOL.chacha20poly1305): a second key hides the length. */

import { timingSafeEqual } from "node:crypto";
import { ChaCha20, Poly1305 } from "../../../../ffi/libcrypto.ts";
import type { Opener } from "./framing.ts";
import type { Sealer } from "./sealing.ts";

const zeros = new Uint8Array(new ArrayBuffer(32));

export class ChaChaPoly implements Sealer, Opener {
  readonly headerBytes = 4;
  readonly blockBytes = 8;
  readonly clearBytes = 4;
  readonly tagBytes = 16;
  readonly #main: ChaCha20;
  readonly #lengths: ChaCha20;
  readonly #poly = new Poly1305();
  /** Block counter (little-endian), then the sequence number as the nonce (big-endian), 8 bytes each. */
  readonly #start = new Uint8Array(new ArrayBuffer(16));
  readonly #nonce = new DataView(this.#start.buffer, 12);
  readonly #polyKey = new Uint8Array(new ArrayBuffer(32));
  readonly #length = new Uint8Array(new ArrayBuffer(4));
  readonly #tag = new Uint8Array(new ArrayBuffer(16));

  /** @param key 64 bytes: for the packets, then for the lengths */
  constructor(key: Uint8Array) {
    this.#main = new ChaCha20(key.subarray(0, 32));
    this.#lengths = new ChaCha20(key.subarray(32, 64));
  }

  seal(packet: Uint8Array, sequence: number): void {
    const end = packet.length - this.tagBytes;
    this.#at(sequence, 0);
    this.#main.crypt(this.#start, zeros, this.#polyKey);
    const length = packet.subarray(0, 4);
    this.#lengths.crypt(this.#start, length, length);
    this.#at(sequence, 1);
    const body = packet.subarray(4, end);
    this.#main.crypt(this.#start, body, body);
    this.#poly.authenticate(this.#polyKey, packet, end, packet.subarray(end));
  }

  readLength(header: Uint8Array, sequence: number): number {
    this.#at(sequence, 0);
    this.#lengths.crypt(this.#start, header, this.#length);
    return new DataView(this.#length.buffer).getUint32(0);
  }

  open(packet: Uint8Array, sequence: number): boolean {
    const end = packet.length - this.tagBytes;
    this.#at(sequence, 0);
    this.#main.crypt(this.#start, zeros, this.#polyKey);
    this.#poly.authenticate(this.#polyKey, packet, end, this.#tag);
    if (!timingSafeEqual(this.#tag, packet.subarray(end))) return false;
    this.#at(sequence, 1);
    const body = packet.subarray(4, end);
    this.#main.crypt(this.#start, body, body);
    return true;
  }

  #at(sequence: number, block: 0 | 1): void {
    this.#start[0] = block;
    this.#nonce.setUint32(0, sequence);
  }

  [Symbol.dispose](): void {
    this.#main[Symbol.dispose]();
    this.#lengths[Symbol.dispose]();
    this.#poly[Symbol.dispose]();
  }
}
