/** aes*-ctr (RFC 4344) with hmac-sha2-256 or -512 (RFC 6668), as -etm@openssh.com or encrypt-and-MAC. */

import { timingSafeEqual } from "node:crypto";
import { AesCtr, Hmac } from "../../../../ffi/libcrypto.ts";
import type { MacInfo } from "../internals.ts";
import type { Opener } from "./framing.ts";
import type { Sealer } from "./sealing.ts";

const sequenceBytes = new Uint8Array(new ArrayBuffer(4));
const sequenceView = new DataView(sequenceBytes.buffer);

export class CtrHmac implements Sealer, Opener {
  readonly blockBytes = 16;
  /** Encrypt-then-MAC leaves the length in clear; encrypt-and-MAC needs a block decrypted to learn it. */
  readonly headerBytes: number;
  readonly clearBytes: number;
  readonly tagBytes: number;
  readonly #etm: boolean;
  readonly #cipher: AesCtr;
  readonly #mac: Hmac;
  readonly #digest: Uint8Array;

  constructor(key: Uint8Array, counter: Uint8Array, macInfo: MacInfo, macKey: Uint8Array) {
    this.#etm = macInfo.isETM;
    this.headerBytes = this.#etm ? 4 : 16;
    this.clearBytes = this.#etm ? 4 : 0;
    this.tagBytes = macInfo.len;
    this.#cipher = new AesCtr(key, counter);
    this.#mac = new Hmac(macInfo.sslName === "sha512" ? "sha512" : "sha256", macKey);
    this.#digest = new Uint8Array(new ArrayBuffer(macInfo.len));
  }

  #authenticate(packet: Uint8Array, end: number, sequence: number, tag: Uint8Array): void {
    sequenceView.setUint32(0, sequence);
    this.#mac.authenticate(sequenceBytes, packet, end, tag);
  }

  seal(packet: Uint8Array, sequence: number): void {
    const end = packet.length - this.tagBytes;
    const tag = packet.subarray(end);
    if (this.#etm) {
      this.#cipher.crypt(packet.subarray(4, end));
      this.#authenticate(packet, end, sequence, tag);
    } else {
      this.#authenticate(packet, end, sequence, tag);
      this.#cipher.crypt(packet.subarray(0, end));
    }
  }

  readLength(header: Uint8Array): number {
    if (!this.#etm) this.#cipher.crypt(header);
    return ((header[0]! << 24) | (header[1]! << 16) | (header[2]! << 8) | header[3]!) >>> 0;
  }

  open(packet: Uint8Array, sequence: number): boolean {
    const end = packet.length - this.tagBytes;
    if (!this.#etm) this.#cipher.crypt(packet.subarray(this.headerBytes, end));
    this.#authenticate(packet, end, sequence, this.#digest);
    if (!timingSafeEqual(this.#digest, packet.subarray(end))) return false;
    if (this.#etm) this.#cipher.crypt(packet.subarray(4, end));
    return true;
  }

  [Symbol.dispose](): void {
    this.#cipher[Symbol.dispose]();
    this.#mac[Symbol.dispose]();
  }
}
