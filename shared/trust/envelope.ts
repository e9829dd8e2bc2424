/** Signed envelopes: exact bytes, who signed them, and a signature that says what they were signed for. */

import { sign, verify } from "node:crypto";
import { encodeJson, Fields } from "../protocol/codec.ts";
import { maxEnvelopeBytes } from "../protocol/limits.ts";
import {
  type Credential,
  decodeCredential,
  type Identity,
  type IdentityKind,
  type Trust,
  TrustError,
  verifyCredential,
} from "./identity.ts";
import { ed25519FromRaw } from "./keys.ts";

/** Domain separation: a signature made for one type of message is none for another. */
function signedBytes(type: string, body: Uint8Array): Uint8Array {
  const domain = new TextEncoder().encode(`sallyport/${type}\0`);
  const bytes = new Uint8Array(domain.length + body.length);
  bytes.set(domain);
  bytes.set(body, domain.length);
  return bytes;
}

/** Signs `body`, serialised with {@link encodeJson}. */
export function signEnvelope(identity: Identity, body: { type: string }): Uint8Array<ArrayBuffer> {
  const bytes = encodeJson(body);
  const signature = new Uint8Array(sign(null, signedBytes(body.type, bytes), identity.privateKey));
  return encodeJson({
    body: bytes.toBase64(),
    credential: identity.credential,
    signature: signature.toBase64(),
  });
}

/**
 * The exact bytes that were signed, and by whom.
 *
 * @param kind What the signer must be
 * @param type What the signature must have been made for
 * @throws {TrustError}
 */
export function openEnvelope(
  envelope: Uint8Array,
  trust: Trust,
  kind: IdentityKind,
  type: string,
): { body: Uint8Array<ArrayBuffer>; credential: Credential } {
  const { body, credential, signature } = parse(envelope);
  if (credential.kind !== kind) {
    throw new TrustError("not-trusted", `Cannot trust ${credential.kind} ${credential.name} as a ${kind}`);
  }
  verifyCredential(credential, trust);
  if (!verify(null, signedBytes(type, body), ed25519FromRaw(credential.publicKey), signature)) {
    throw new TrustError(
      "not-trusted",
      `Cannot trust the message: ${credential.name} did not sign it as ${type}`,
    );
  }
  return { body, credential };
}

function parse(envelope: Uint8Array) {
  try {
    const fields = Fields.parse(envelope, maxEnvelopeBytes, "envelope");
    return {
      body: fields.bytes("body", maxEnvelopeBytes),
      credential: decodeCredential(fields.object("credential")),
      signature: fields.bytes("signature", 64),
    };
  } catch (cause) {
    throw new TrustError("malformed", "Cannot read the envelope", { cause });
  }
}
