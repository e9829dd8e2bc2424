/** The key exchange of a lease: X25519, then HKDF bound to both signed bodies. */

import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { keyBytes } from "../stream/aead.ts";
import { TrustError } from "./identity.ts";
import { rawPublicKey, x25519FromRaw, x25519PrivateFromRaw } from "./keys.ts";

/** One side's half, used once. */
export interface Ephemeral {
  /** Raw X25519 public key, base64. */
  publicKey: string;
  privateKey: KeyObject;
}

/** Draws from node:crypto: never in a worker, which may have been forked. */
export function generateEphemeral(): Ephemeral {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return { publicKey: rawPublicKey(publicKey), privateKey };
}

/**
 * As {@link generateEphemeral} from `secret`, 32 fresh random bytes. For a process that was forked: node:crypto's
 * generator would give all children of one parent the same key.
 */
export function ephemeralFrom(secret: Uint8Array): Ephemeral {
  const privateKey = x25519PrivateFromRaw(secret);
  return { publicKey: rawPublicKey(createPublicKey(privateKey)), privateKey };
}

/** 32 bytes each. */
export interface LeaseKeys {
  /** For frames, one per direction; the dispatcher has them. */
  toHost: Uint8Array<ArrayBuffer>;
  toGateway: Uint8Array<ArrayBuffer>;
  /** For answers to PAM; the worker keeps it to itself. */
  responses: Uint8Array<ArrayBuffer>;
}

/**
 * The keys of a lease.
 *
 * @param options.openBody Exact signed bytes of the lease.open
 * @param options.answerBody Exact signed bytes of the lease.answer
 * @throws {TrustError} When the peer's key gives an all-zero secret (RFC 7748 §6.1)
 */
export function deriveLeaseKeys(options: {
  privateKey: KeyObject;
  peerKey: string;
  openBody: Uint8Array;
  answerBody: Uint8Array;
}): LeaseKeys {
  let secret: Uint8Array;
  try {
    secret = diffieHellman({ privateKey: options.privateKey, publicKey: x25519FromRaw(options.peerKey) });
  } catch (cause) {
    throw new TrustError("malformed", "Cannot use the peer's ephemeral key", { cause });
  }
  if (secret.every((byte) => byte === 0)) {
    throw new TrustError("malformed", "Cannot use an all-zero shared secret");
  }
  const salt = createHash("sha256").update(options.openBody).update(options.answerBody).digest();
  const derive = (use: string) =>
    new Uint8Array(hkdfSync("sha256", secret, salt, `sallyport/lease/1 ${use}`, keyBytes));
  const keys = {
    toHost: derive("to-host"),
    toGateway: derive("to-gateway"),
    responses: derive("responses"),
  };
  secret.fill(0);
  return keys;
}
