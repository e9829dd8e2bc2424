/**
 * OpenSSH host certificates: the fleet key says, ahead of time, that one gateway's SSH host key may stand for one host.
 * Format: openssh-portable/PROTOCOL.certkeys, ssh-ed25519-cert-v01@openssh.com.
 */

import { randomBytes, sign, verify } from "node:crypto";
import { ed25519FromRaw, privateKeyFromText } from "./keys.ts";
import { fleetPublicKey } from "./identity.ts";

export const certificateType = "ssh-ed25519-cert-v01@openssh.com";
const keyType = "ssh-ed25519";
/** SSH2_CERT_TYPE_HOST */
const hostCertificate = 2;
/** "Forever" (PROTOCOL.certkeys): what the fleet takes back it takes back by other means. */
const forever = 0xffff_ffff_ffff_ffffn;
/** Names, keys and signature: a certificate of ours has about 400 bytes. */
export const maxCertificateBytes = 4_096;

export interface HostCertificate {
  /** Raw Ed25519 host key of a gateway, base64. */
  publicKey: string;
  /** Names it may stand for. */
  principals: string[];
  /** As it goes over the wire. */
  blob: Uint8Array<ArrayBuffer>;
}

/**
 * @param hostKey Raw Ed25519 public key, base64
 * @param keyId For logs of whoever sees it
 */
export function signHostCertificate(
  fleetSecret: string,
  { hostKey, principals, keyId }: { hostKey: string; principals: string[]; keyId: string },
): Uint8Array<ArrayBuffer> {
  const signed = joined([
    string(certificateType),
    string(new Uint8Array(randomBytes(32))),
    string(Uint8Array.fromBase64(hostKey)),
    uint64(0n),
    uint32(hostCertificate),
    string(keyId),
    string(joined(principals.map(string))),
    uint64(0n),
    uint64(forever),
    string(""),
    string(""),
    string(""),
    string(publicKeyBlob(fleetPublicKey(fleetSecret))),
  ]);
  const signature = new Uint8Array(sign(null, signed, privateKeyFromText(fleetSecret.trim())));
  return joined([signed, string(joined([string(keyType), string(signature)]))]);
}

/**
 * Reads a certificate and checks that the fleet key has signed it, for a host, for ever, without conditions.
 *
 * @returns `null` for any other bytes
 */
export function openHostCertificate(blob: Uint8Array, fleetKey: string): HostCertificate | null {
  try {
    const reader = new Reader(blob);
    const [type, , publicKey] = [reader.text(), reader.string(), reader.string()];
    reader.skip(8);
    const [kind, , names] = [reader.uint32(), reader.text(), reader.string()];
    const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
    const [conditions] = [reader.string(), reader.string(), reader.string()];
    const authority = reader.string();
    const signed = blob.subarray(0, reader.position);
    const wrapped = new Reader(reader.string());
    const [signatureType, signature] = [wrapped.text(), wrapped.string()];
    // What comes after the signature is not signed: anybody could add it, and ssh then takes the whole for damaged.
    const isWhole = reader.isAtEnd && wrapped.isAtEnd;
    const isForEver = validAfter === 0n && validBefore === forever;
    const isOurs = isWhole && isForEver && type === certificateType && kind === hostCertificate &&
      conditions.length === 0 &&
      signatureType === keyType && equal(authority, publicKeyBlob(fleetKey));
    if (blob.length > maxCertificateBytes || !isOurs || publicKey.length !== 32) return null;
    if (!verify(null, signed, ed25519FromRaw(fleetKey), signature)) return null;
    return {
      publicKey: publicKey.toBase64(),
      principals: new Reader(names).all(),
      blob: new Uint8Array(blob),
    };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The line of known_hosts(5) that has ssh believe all of the fleet. */
export function authorityLine(fleetKey: string): string {
  return `@cert-authority * ${keyType} ${publicKeyBlob(fleetKey).toBase64()} sallyport`;
}

/** A public key as SSH writes it (RFC 8709 §4). @param raw base64 */
export function publicKeyBlob(raw: string): Uint8Array<ArrayBuffer> {
  return joined([string(keyType), string(Uint8Array.fromBase64(raw))]);
}

/** The raw key of such a blob, base64; `null` for a key of another type. */
export function rawKeyOf(blob: Uint8Array): string | null {
  try {
    const reader = new Reader(blob);
    return reader.text() === keyType ? reader.string().toBase64() : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function string(value: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return joined([uint32(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function uint64(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** RFC 4251 §5. Every method throws a RangeError at the end of the bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  skip(length: number): void {
    if (length > this.#bytes.length - this.position) {
      throw new RangeError("Cannot read a certificate: it is cut");
    }
    this.position += length;
  }

  uint32(): number {
    this.skip(4);
    const at = this.#bytes.byteOffset + this.position - 4;
    return new DataView(this.#bytes.buffer, at, 4).getUint32(0);
  }

  uint64(): bigint {
    return BigInt(this.uint32()) << 32n | BigInt(this.uint32());
  }

  get isAtEnd(): boolean {
    return this.position === this.#bytes.length;
  }

  string(): Uint8Array {
    const length = this.uint32();
    this.skip(length);
    return this.#bytes.subarray(this.position - length, this.position);
  }

  text(): string {
    return new TextDecoder().decode(this.string());
  }

  /** All strings that are left. */
  all(): string[] {
    const texts: string[] = [];
    while (this.position < this.#bytes.length) texts.push(this.text());
    return texts;
  }
}
