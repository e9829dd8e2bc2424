/** Ed25519 keys as text: raw public keys and PKCS #8 private keys, base64. Synchronous, by node:crypto. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";

/** DER in front of a raw 32-byte key in a SubjectPublicKeyInfo (RFC 8410 §4). */
const ed25519Prefix = "302a300506032b6570032100";
const x25519Prefix = "302a300506032b656e032100";
/** DER in front of a raw 32-byte private key in PKCS #8 (RFC 8410 §7). */
const x25519PrivatePrefix = "302e020100300506032b656e04220420";
export const rawKeyBytes = 32;

function derOf(prefix: string, raw: Uint8Array): Uint8Array {
  if (raw.length !== rawKeyBytes) throw new TypeError("Cannot use a key that is not 32 bytes long");
  const header = Uint8Array.fromHex(prefix);
  const der = new Uint8Array(header.length + raw.length);
  der.set(header);
  der.set(raw, header.length);
  return der;
}

function fromRaw(prefix: string, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: derOf(prefix, raw) as never, format: "der", type: "spki" });
}

export function ed25519FromRaw(base64: string): KeyObject {
  return fromRaw(ed25519Prefix, Uint8Array.fromBase64(base64));
}

export function x25519FromRaw(base64: string): KeyObject {
  return fromRaw(x25519Prefix, Uint8Array.fromBase64(base64));
}

/** Any 32 bytes are an X25519 private key: using it clamps them (RFC 7748 §5). */
export function x25519PrivateFromRaw(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: derOf(x25519PrivatePrefix, raw) as never, format: "der", type: "pkcs8" });
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
