/**
 * Signing with an ECDSA host key.
 *
 * Stock copies the private number from OpenSSH's file as it is (lib/protocol/keyParser.js genOpenSSLECDSAPriv()): with
 * a zero in front when its top bit is set, or too short when it happens to be small. RFC 5915 §3 wants exactly 32
 * bytes, and Deno is strict, so on Deno half of all ECDSA keys cannot sign ("invalid SEC1 private key").
 */

import { Buffer } from "node:buffer";
import { createPrivateKey, sign } from "node:crypto";
import type { HostKey } from "./internals.ts";

/** Bytes of a number on NIST P-256 */
const scalarBytes = 32;

/** The same key with a private number of the right length. */
export function repairEcdsaKey(key: HostKey): HostKey {
  const pem = key.getPrivatePEM() ?? "";
  // ECPrivateKey: SEQUENCE, INTEGER 1, OCTET STRING; all lengths fit in one byte on this curve
  const der = Buffer.from(pem.split("\n").filter((line) => !line.startsWith("-")).join(""), "base64");
  const number = der.subarray(7, 7 + der[6]!);
  const exact = Buffer.alloc(scalarBytes);
  const significant = number.subarray(Math.max(0, number.length - scalarBytes));
  exact.set(significant, scalarBytes - significant.length);
  const point = key.getPublicSSH().subarray(-2 * scalarBytes);
  const privateKey = createPrivateKey({
    format: "jwk",
    key: {
      kty: "EC",
      crv: "P-256",
      d: exact.toString("base64url"),
      x: point.subarray(0, scalarBytes).toString("base64url"),
      y: point.subarray(scalarBytes).toString("base64url"),
    },
  });
  return {
    type: key.type,
    getPublicSSH: () => key.getPublicSSH(),
    getPrivatePEM: () => pem,
    sign: (data) => {
      try {
        return sign("sha256", data, privateKey);
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
      }
    },
  };
}
