/**
 * Answers to PAM on their way from the gateway to the worker, sealed once more with a key only these two hold: the
 * dispatcher, which parses the bus, passes passwords on without reading them.
 */

import { ProtocolError } from "../protocol/codec.ts";
import { decodeResponses, encodeResponses } from "../protocol/prompt.ts";
import { type Aead, nonceBytes, tagBytes } from "../stream/aead.ts";
import { chacha20Poly1305 } from "./chacha.ts";

const noHeader = new Uint8Array(0);

/** One side of it: either seals or opens, each record once, in order; the nonce is the record's number. */
export class ResponseCipher {
  readonly #aead: Aead;
  #count = 0;

  /** @param key 32 bytes, wiped */
  constructor(key: Uint8Array) {
    this.#aead = chacha20Poly1305(key);
    key.fill(0);
  }

  #nonce(): Uint8Array {
    const nonce = new Uint8Array(nonceBytes);
    new DataView(nonce.buffer).setUint32(nonceBytes - 4, ++this.#count);
    return nonce;
  }

  /** The record for `responses`, which are wiped. */
  seal(responses: Uint8Array[]): Uint8Array<ArrayBuffer> {
    const plain = encodeResponses(responses);
    const sealed = new Uint8Array(new ArrayBuffer(plain.length + tagBytes));
    this.#aead.seal(this.#nonce(), noHeader, plain, sealed);
    for (const secret of [plain, ...responses]) secret.fill(0);
    return sealed;
  }

  /**
   * The `count` answers in `record`, to be wiped by the caller.
   *
   * @throws {ProtocolError} If it was not sealed by the other side as its next record, or holds no `count` answers
   */
  open(record: Uint8Array, count: number): Uint8Array<ArrayBuffer>[] {
    const plain = new Uint8Array(new ArrayBuffer(Math.max(0, record.length - tagBytes)));
    try {
      if (!this.#aead.open(this.#nonce(), noHeader, record, plain)) {
        throw new ProtocolError("Cannot read the answers: they are not sealed by the gateway");
      }
      return decodeResponses(plain, count);
    } finally {
      plain.fill(0);
    }
  }
}
