/** Ed25519 keys as text: raw public keys and PKCS #8 private keys, base64. Synchronous, by node:crypto. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";

/** DER in front of a raw 32-byte key in a SubjectPublicKeyInfo (RFC 8410 §4). */
const ed25519Prefix = "302a300506032b6570032100";
const x25519Prefix = "302a300506032b656e032100";
export const rawKeyBytes = 32;

function fromRaw(prefix: string, raw: Uint8Array): KeyObject {
  if (raw.length !== rawKeyBytes) throw new TypeError("Cannot use a public key that is not 32 bytes long");
  const header = Uint8Array.fromHex(prefix);
  const der = new Uint8Array(header.length + raw.length);
  der.set(header);
  der.set(raw, header.length);
  return createPublicKey({ key: der as never, format: "der", type: "spki" });
}

export function ed25519FromRaw(base64: string): KeyObject {
  return fromRaw(ed25519Prefix, Uint8Array.fromBase64(base64));
}

export function x25519FromRaw(base64: string): KeyObject {
  return fromRaw(x25519Prefix, Uint8Array.fromBase64(base64));
}

/** The raw 32 bytes of an Ed25519 or X25519 public key, base64. */
export function rawPublicKey(key: KeyObject): string {
  const der = new Uint8Array(key.export({ format: "der", type: "spki" }));
  return der.subarray(der.length - rawKeyBytes).toBase64();
}

export function privateKeyText(key: KeyObject): string {
  return new Uint8Array(key.export({ format: "der", type: "pkcs8" })).toBase64();
}

export function privateKeyFromText(base64: string): KeyObject {
  return createPrivateKey({ key: Uint8Array.fromBase64(base64) as never, format: "der", type: "pkcs8" });
}

export function generateEd25519(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ed25519");
}
