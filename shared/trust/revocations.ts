/** Who no longer belongs to the fleet: one list, signed by the fleet key and numbered, so that anybody may pass it on. */

import { sign, verify } from "node:crypto";
import { encodeJson, Fields, ProtocolError } from "../protocol/codec.ts";
import { maxRevocationsBytes, maxRevoked } from "../protocol/limits.ts";
import { decodeRevocationsBody, type RevocationsBody } from "../protocol/revocations.ts";
import { type Trust, TrustError } from "./identity.ts";
import { ed25519FromRaw, privateKeyFromText } from "./keys.ts";

export interface Revocations extends RevocationsBody {
  /** The signed list as one line of JSON, without a line end: what is stored and passed on. */
  line: string;
}

/** Domain separation, as in envelopes. */
const domain = new TextEncoder().encode("sallyport/revocations.v1\0");

function signedBytes(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(domain.length + body.length);
  bytes.set(domain);
  bytes.set(body, domain.length);
  return bytes;
}

/** Signs a list. @returns Its line @throws {RangeError} When it names too many */
export function signRevocations(fleetSecret: string, list: Omit<RevocationsBody, "type">): string {
  if (list.revoked.length > maxRevoked) {
    throw new RangeError(`Cannot revoke more than ${maxRevoked} members: make a new fleet key`);
  }
  const body = encodeJson({ type: "revocations.v1", ...list });
  const signature = new Uint8Array(sign(null, signedBytes(body), privateKeyFromText(fleetSecret.trim())));
  return JSON.stringify({ body: body.toBase64(), signature: signature.toBase64() });
}

/** @throws {TrustError} `malformed`, or `not-trusted` unless the fleet key has signed it */
export function openRevocations(line: string, fleetKey: string): Revocations {
  const { signed, signature, body } = parse(line);
  if (!verify(null, signedBytes(signed), ed25519FromRaw(fleetKey), signature)) {
    throw new TrustError(
      "not-trusted",
      "Cannot trust the list of revoked members: the fleet key did not sign it",
    );
  }
  return { ...body, line: line.trim() };
}

/** The number a list claims, signed or not: enough to tell that it is no news. @throws {TrustError} `malformed` */
export function claimedSerial(line: string): number {
  return parse(line).body.serial;
}

function parse(line: string) {
  try {
    const fields = Fields.parse(new TextEncoder().encode(line), maxRevocationsBytes, "revocations");
    const signed = fields.bytes("body", maxRevocationsBytes);
    return { signed, signature: fields.bytes("signature", 64), body: decodeRevocationsBody(signed) };
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
    throw new TrustError("malformed", "Cannot read the list of revoked members", { cause });
  }
}

/** The newest list in a file of lines; what is torn, or another fleet's, counts as if it were not there. */
export function latestRevocations(text: string, fleetKey: string): Revocations | null {
  let latest: Revocations | null = null;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    try {
      const list = openRevocations(line, fleetKey);
      if (list.serial > (latest?.serial ?? 0)) latest = list;
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
    }
  }
  return latest;
}

/** Trust that learns: whoever holds it sees a newer list at once. */
export class FleetTrust implements Trust {
  readonly fleetKey: string;
  readonly #always: string[];
  #latest: Revocations | null = null;
  #revoked: string[];

  /** @param trust Of the trust file, whose own `revoked` hold whatever a list says */
  constructor(trust: Trust) {
    this.fleetKey = trust.fleetKey;
    this.#always = trust.revoked;
    this.#revoked = trust.revoked;
  }

  get revoked(): string[] {
    return this.#revoked;
  }

  /** The newest list there has been, if any. */
  get latest(): Revocations | null {
    return this.#latest;
  }

  /** Its number; 0 without one. */
  get serial(): number {
    return this.#latest?.serial ?? 0;
  }

  /** @param list From {@link openRevocations} @returns Whether it is newer than what was known */
  adopt(list: Revocations | null): boolean {
    if (list === null || list.serial <= this.serial) return false;
    this.#latest = list;
    this.#revoked = [...this.#always, ...list.revoked];
    return true;
  }
}
