/** Keys of one direction from the outcome of a key exchange (RFC 4253 §7.2). */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** What both sides know after a key exchange. */
export interface ExchangeOutcome {
  hashName: string;
  /** K as it is hashed: mpint contents, or for hybrid exchanges a plain string; without its length. */
  secret: Buffer;
  /** H */
  exchangeHash: Buffer;
  sessionId: Buffer;
}

/** @param letter `A` to `F`: IVs, encryption keys and MAC keys, client to server first */
export function deriveKey(outcome: ExchangeOutcome, letter: string, length: number): Buffer {
  const { hashName, secret, exchangeHash, sessionId } = outcome;
  const secretLength = Buffer.alloc(4);
  secretLength.writeUInt32BE(secret.length);
  const begin = () => createHash(hashName).update(secretLength).update(secret).update(exchangeHash);
  let key = begin().update(letter).update(sessionId).digest();
  while (key.length < length) key = Buffer.concat([key, begin().update(key).digest()]);
  return key.subarray(0, length);
}
