/** aes128-gcm@openssh.com and aes256-gcm@openssh.com (RFC 5647): the length is in clear and authenticated. */

import { AesGcm } from "../../../../ffi/libcrypto.ts";
import type { Opener } from "./framing.ts";
import type { Sealer } from "./sealing.ts";

export class Gcm implements Sealer, Opener {
  readonly headerBytes = 4;
  readonly blockBytes = 16;
  readonly clearBytes = 4;
  readonly tagBytes = 16;
  readonly #cipher: AesGcm;
  /** 4 fixed bytes, then the invocation counter (RFC 5647 §7.1). */
  readonly #nonce: Uint8Array<ArrayBuffer>;
  readonly #counter: DataView;

  constructor(key: Uint8Array, nonce: Uint8Array) {
    this.#cipher = new AesGcm(key);
    this.#nonce = new Uint8Array(nonce);
    this.#counter = new DataView(this.#nonce.buffer, 4);
  }

  #nextNonce(): void {
    const low = (this.#counter.getUint32(4) + 1) >>> 0;
    this.#counter.setUint32(4, low);
    if (low === 0) this.#counter.setUint32(0, (this.#counter.getUint32(0) + 1) >>> 0);
  }

  seal(packet: Uint8Array): void {
    const end = packet.length - this.tagBytes;
    this.#cipher.seal(this.#nonce, packet.subarray(0, 4), packet.subarray(4, end), packet.subarray(4));
    this.#nextNonce();
  }

  readLength(header: Uint8Array): number {
    return ((header[0]! << 24) | (header[1]! << 16) | (header[2]! << 8) | header[3]!) >>> 0;
  }

  open(packet: Uint8Array): boolean {
    const end = packet.length - this.tagBytes;
    const opened = this.#cipher.open(
      this.#nonce,
      packet.subarray(0, 4),
      packet.subarray(4),
      packet.subarray(4, end),
    );
    this.#nextNonce();
    return opened;
  }

  [Symbol.dispose](): void {
    this.#cipher.dispose();
  }
}
