/**
 * Checking the client's public point before computing with it.
 *
 * Stock hands it to node:crypto as it came (lib/protocol/kex.js computeSecret()), and Deno truncates an x25519 key
 * that is too long where Node refuses it. RFC 8731 §3 wants exactly 32 bytes and a secret that is not all zero; RFC
 * 5656 §4 wants a valid point of the curve.
 */

import type { Buffer } from "node:buffer";
import type { KeyExchange } from "./internals.ts";

export const x25519Bytes = 32;

/** NIST P-256 (FIPS 186-4 D.1.2.3): y² = x³ - 3x + b mod p */
const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** Whether `point` is an uncompressed point on NIST P-256. */
export function isOnP256(point: Uint8Array): boolean {
  if (point.length !== 65 || point[0] !== 4) return false;
  const x = BigInt(`0x${point.subarray(1, 33).toHex()}`);
  const y = BigInt(`0x${point.subarray(33).toHex()}`);
  return x < p && y < p && (y * y - (x * x * x - 3n * x + b)) % p === 0n;
}

function refusal(exchange: KeyExchange, point: Uint8Array): string | undefined {
  if (exchange.type === "25519" && point.length !== x25519Bytes) {
    return `Cannot use a client key of ${point.length} bytes: x25519 has ${x25519Bytes}`;
  }
  if (exchange.type === "ecdh" && !isOnP256(point)) return "Cannot use a client key that is not on the curve";
  return undefined;
}

/** Makes `exchange` refuse invalid points; ssh2 then ends the connection with KEY_EXCHANGE_FAILED. */
export function checkPoints(exchange: KeyExchange): void {
  const stock = exchange.computeSecret.bind(exchange);
  exchange.computeSecret = (point): Buffer | Error => {
    const reason = refusal(exchange, point);
    if (reason !== undefined) return new TypeError(reason);
    const secret = stock(point);
    if (!(secret instanceof Error) && secret.every((byte) => byte === 0)) {
      return new TypeError("Cannot use a client key of low order");
    }
    return secret;
  };
}
