/** Who a client is: an nkey proves itself by its signature over the nonce of this connection. */

import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { fromPublic } from "@nats-io/nkeys";

/** DER of a SubjectPublicKeyInfo for Ed25519, up to the 32 bytes of the key (RFC 8410 §4). */
const ed25519Spki = Uint8Array.fromHex("302a300506032b6570032100");
const rawKeyBytes = 32;
const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const encoder = new TextEncoder();

/** Decodes base32 without padding (RFC 4648 §6). */
function decodeBase32(text: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const letter of text) {
    held = held << 5 | base32.indexOf(letter);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(held >> bits & 0xff);
    held &= (1 << bits) - 1;
  }
  return Uint8Array.from(bytes);
}

/**
 * Reads the public key of a user (`U…`): one byte of prefix, the key, and a checksum that is verified.
 *
 * @throws {TypeError} If it is none
 */
export function readPublicNkey(text: string): KeyObject {
  try {
    if (!/^U[A-Z2-7]{55}$/.test(text)) {
      throw new TypeError("it must be 56 characters of base32 that start with U");
    }
    fromPublic(text);
    const raw = decodeBase32(text).subarray(1, 1 + rawKeyBytes);
    const der = new Uint8Array([...ed25519Spki, ...raw]);
    return createPublicKey({ key: der as unknown as Buffer, format: "der", type: "spki" });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`Cannot use '${text}' as a public nkey: ${reason}`, { cause });
  }
}

/** Whether {@link readPublicNkey} takes `text`. */
export function isPublicNkey(text: string): boolean {
  try {
    return readPublicNkey(text) !== null;
  } catch {
    return false;
  }
}

/** Whether `signature` (base64, as clients of any age write it) is the key's over `nonce`. */
export function isSigned(key: KeyObject, nonce: string, signature: string): boolean {
  try {
    const alphabet = /[-_]/.test(signature) ? "base64url" : "base64";
    return verify(null, encoder.encode(nonce), key, Uint8Array.fromBase64(signature, { alphabet }));
  } catch {
    return false; // Not base64.
  }
}
