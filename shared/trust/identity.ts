/** Who gateways and hosts are: credentials signed by one offline fleet key, so that adding one touches no other. */

import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { Fields, ProtocolError } from "../protocol/codec.ts";
import { isName } from "../protocol/names.ts";
import {
  ed25519FromRaw,
  generateEd25519,
  privateKeyFromText,
  privateKeyText,
  rawKeyBytes,
  rawPublicKey,
} from "./keys.ts";

export const identityKinds = ["gateway", "host"] as const;
export type IdentityKind = typeof identityKinds[number];

/** What others may see of an identity. */
export interface Credential {
  kind: IdentityKind;
  name: string;
  /** Raw Ed25519 public key, 32 bytes, base64. */
  publicKey: string;
  /** Milliseconds since the epoch. */
  issuedAt: number;
  /** The fleet key's Ed25519 signature over the fields above, base64. */
  signature: string;
}

export interface Identity {
  credential: Credential;
  privateKey: KeyObject;
}

/** What a process believes in: the fleet, and which of its members no longer count. */
export interface Trust {
  /** Raw Ed25519 public key of the fleet, base64. */
  fleetKey: string;
  /** Public keys (base64), or `gateway:NAME` / `host:NAME`. */
  revoked: string[];
}

/** A signature or a signer that is not to be believed. */
export class TrustError extends Error {
  override name = "TrustError";
  constructor(readonly problem: "not-trusted" | "malformed", message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

const maxFileBytes = 65_536;
const credentialDomain = "sallyport/credential/1";
const encoder = new TextEncoder();

/** The signed bytes; names contain no newline, so the lines cannot be confused. */
function credentialBytes({ kind, name, publicKey, issuedAt }: Omit<Credential, "signature">): Uint8Array {
  return encoder.encode([credentialDomain, kind, name, publicKey, issuedAt].join("\n"));
}

/** A new fleet key: `publicKey` for trust files, `secret` to be kept offline. */
export function createFleetKey(): { publicKey: string; secret: string } {
  const { publicKey, privateKey } = generateEd25519();
  return { publicKey: rawPublicKey(publicKey), secret: privateKeyText(privateKey) };
}

/** What a trust file says of the fleet whose `secret` this is. */
export function fleetPublicKey(secret: string): string {
  return rawPublicKey(createPublicKey(privateKeyFromText(secret.trim())));
}

/** Makes an identity and gives its file's text, private key included. */
export function issueIdentity(fleetSecret: string, kind: IdentityKind, name: string): string {
  if (!isName(name)) throw new TypeError(`Cannot issue an identity for '${name}': it is not a name`);
  const { publicKey, privateKey } = generateEd25519();
  const unsigned = { kind, name, publicKey: rawPublicKey(publicKey), issuedAt: Date.now() };
  const signature = sign(null, credentialBytes(unsigned), privateKeyFromText(fleetSecret.trim()));
  const credential: Credential = { ...unsigned, signature: new Uint8Array(signature).toBase64() };
  return JSON.stringify({ credential, privateKey: privateKeyText(privateKey) }, null, 2) + "\n";
}

export function decodeCredential(fields: Fields): Credential {
  const publicKey = fields.bytes("publicKey", rawKeyBytes);
  if (publicKey.length !== rawKeyBytes) throw new ProtocolError("Cannot read publicKey: it must be 32 bytes");
  return {
    kind: fields.oneOf("kind", identityKinds),
    name: fields.matching("name", isName, "a name"),
    publicKey: publicKey.toBase64(),
    issuedAt: fields.integer("issuedAt", 0, Number.MAX_SAFE_INTEGER),
    signature: fields.bytes("signature", 64).toBase64(),
  };
}

/** Whether a member no longer counts. */
export function isRevoked(
  { kind, name, publicKey }: Pick<Credential, "kind" | "name" | "publicKey">,
  { revoked }: Trust,
): boolean {
  return revoked.includes(publicKey) || revoked.includes(`${kind}:${name}`);
}

/** @throws {TrustError} `not-trusted` unless the fleet signed it and nobody revoked it */
export function verifyCredential(credential: Credential, trust: Trust): void {
  const { kind, name, signature } = credential;
  if (isRevoked(credential, trust)) {
    throw new TrustError("not-trusted", `Cannot trust ${kind} ${name}: it is revoked`);
  }
  const good = verify(
    null,
    credentialBytes(credential),
    ed25519FromRaw(trust.fleetKey),
    Uint8Array.fromBase64(signature),
  );
  if (!good) {
    throw new TrustError("not-trusted", `Cannot trust ${kind} ${name}: the fleet key did not sign it`);
  }
}

/** Reads an identity file. @throws {ProtocolError} */
export function readIdentity(text: string): Identity {
  const fields = Fields.parse(encoder.encode(text), maxFileBytes, "identity");
  const credential = decodeCredential(fields.object("credential"));
  const privateKey = privateKeyFromText(fields.string("privateKey"));
  if (rawPublicKey(createPublicKey(privateKey)) !== credential.publicKey) {
    throw new ProtocolError("Cannot use the identity: its private key does not fit its credential");
  }
  return { credential, privateKey };
}

export function trustText(fleetKey: string, revoked: string[] = []): string {
  return JSON.stringify({ fleetKey, revoked }, null, 2) + "\n";
}

/** Reads a trust file. @throws {ProtocolError} */
export function readTrust(text: string): Trust {
  const fields = Fields.parse(encoder.encode(text), maxFileBytes, "trust");
  const fleetKey = fields.bytes("fleetKey", rawKeyBytes);
  if (fleetKey.length !== rawKeyBytes) {
    throw new ProtocolError("Cannot read trust.fleetKey: it must be 32 bytes");
  }
  return { fleetKey: fleetKey.toBase64(), revoked: fields.strings("revoked", 10_000) };
}
