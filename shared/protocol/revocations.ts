/** The list of revoked members as the fleet key signs it, and as it is stored and passed on. */

import { Fields } from "./codec.ts";
import { maxRevocationsBytes, maxRevoked } from "./limits.ts";

/** Signed by the fleet key alone; whoever passes it on adds nothing. */
export interface RevocationsBody {
  type: "revocations.v1";
  /** Each list has a higher one than the list before it. */
  serial: number;
  /** Milliseconds since the epoch; for people. */
  issuedAt: number;
  /** Public keys (raw Ed25519, base64) of all who were ever revoked. */
  revoked: string[];
}

/** @throws {ProtocolError} */
export function decodeRevocationsBody(bytes: Uint8Array): RevocationsBody {
  const fields = Fields.parse(bytes, maxRevocationsBytes, "revocations.body");
  return {
    type: fields.oneOf("type", ["revocations.v1"]),
    serial: fields.integer("serial", 1, Number.MAX_SAFE_INTEGER),
    issuedAt: fields.integer("issuedAt", 0, Number.MAX_SAFE_INTEGER),
    revoked: fields.strings("revoked", maxRevoked, 64),
  };
}
