/**
 * mlkem768x25519-sha256: hybrid post-quantum key exchange (draft-ietf-sshm-mlkem-hybrid-kex), OpenSSH 10's default.
 *
 * Stock knows no post-quantum method (lib/protocol/kex.js createKeyExchange()). Here ssh2 negotiates as if the client
 * had asked for curve25519-sha256, whose messages have the same shape, and the exchange it makes is then given
 * another secret and another reply.
 */

import { Buffer } from "node:buffer";
import { createHash, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { mlkemKex } from "./algorithms.ts";
import type { KeyExchange, PayloadResult, Protocol } from "./internals.ts";
import { x25519Bytes } from "./kex_points.ts";
import { string } from "./messages.ts";
import { WireReader } from "./wire_reader.ts";

/** FIPS 203, ML-KEM-768 */
const encapsulationKeyBytes = 1184;
/** DER before the 32 bytes of an x25519 public key (RFC 8410 §4) */
const x25519Prefix = Buffer.from("302a300506032b656e032100", "hex");
const substitute = "curve25519-sha256";
/** Message number and cookie (RFC 4253 §7.1) */
const kexListOffset = 17;

/** Passes a KEXINIT on to ssh2; when it leads to this method, the exchange becomes ours. */
export function negotiateMlkem(
  protocol: Protocol,
  payload: Buffer,
  next: (payload: Buffer) => PayloadResult,
): PayloadResult {
  if (payload.length < kexListOffset + 4) return next(payload);
  const reader = new WireReader(payload, kexListOffset);
  const kexList = reader.text();
  const offered = kexList.split(",");
  const ours = protocol._offer.lists.kex.array;
  const chosen = offered.find((name) => ours.includes(name) && !name.startsWith("kex-strict-"));
  if (chosen !== mlkemKex) return next(payload);

  // The place in the list stays: whether the client guessed right depends on it (RFC 4253 §7)
  const replaced = offered.filter((name) => name !== substitute)
    .map((name) => name === mlkemKex ? substitute : name);
  const rest = payload.subarray(payload.length - reader.left);
  const before = protocol._kex;
  // The exchange hash is over what the client really sent, and the packet's memory is not ours to keep
  const original = Buffer.from(payload);
  const result = next(Buffer.concat([payload.subarray(0, kexListOffset), string(replaced.join(",")), rest]));
  const exchange = protocol._kex;
  if (exchange && exchange !== before && exchange.type === "25519") useMlkem(exchange, original);
  return result;
}

function useMlkem(exchange: KeyExchange, clientKexInit: Buffer): void {
  exchange.type = "mlkem768x25519";
  exchange.negotiated.kex = mlkemKex;
  exchange._remoteKexinit = clientKexInit;
  let reply = Buffer.alloc(0);
  exchange.convertPublicKey = (clientKeys) => clientKeys;
  exchange.getPublicKey = () => reply;
  exchange.computeSecret = (clientKeys) => {
    try {
      const answer = encapsulate(clientKeys);
      reply = answer.reply;
      return answer.secret;
    } catch (error) {
      return error instanceof Error ? error : new TypeError(String(error));
    }
  };
}

/**
 * The server's side of the exchange.
 *
 * @param clientKeys C_INIT: the ML-KEM-768 encapsulation key, then the x25519 public key
 * @returns S_REPLY (ciphertext, then x25519 public key), and K, 32 bytes
 * @throws {TypeError} If a key is malformed
 */
export function encapsulate(clientKeys: Uint8Array): { reply: Buffer<ArrayBuffer>; secret: Buffer } {
  if (clientKeys.length !== encapsulationKeyBytes + x25519Bytes) {
    throw new TypeError(`Cannot use ${clientKeys.length} bytes as keys of ${mlkemKex}`);
  }
  const { cipherText, sharedSecret } = ml_kem768.encapsulate(
    new Uint8Array(clientKeys.subarray(0, encapsulationKeyBytes)),
  );
  const ours = generateKeyPairSync("x25519");
  const theirs = createPublicKey({
    key: Buffer.concat([x25519Prefix, clientKeys.subarray(encapsulationKeyBytes)]),
    format: "der",
    type: "spki",
  });
  const point = diffieHellman({ privateKey: ours.privateKey, publicKey: theirs });
  if (point.every((byte) => byte === 0)) throw new TypeError("Cannot use a client key of low order");
  const publicKey = ours.publicKey.export({ type: "spki", format: "der" }).subarray(-x25519Bytes);
  return {
    reply: Buffer.concat([cipherText, publicKey]),
    secret: createHash("sha256").update(sharedSecret).update(point).digest(),
  };
}
