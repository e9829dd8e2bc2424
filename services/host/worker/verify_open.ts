/** Whether a `lease.open` that came over the hostile bus may be acted on, and the signed answer to it. */

import { kernelRandom } from "../../../ffi/random.ts";
import {
  decodeLeaseOpen,
  type LeaseAnswer,
  type LeaseOpen,
  type Suite,
} from "../../../shared/protocol/lease.ts";
import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { leaseOpenTtlMs } from "../../../shared/protocol/limits.ts";
import { type Problem, ProblemError } from "../../../shared/protocol/problems.ts";
import { openEnvelope, signEnvelope } from "../../../shared/trust/envelope.ts";
import { deriveLeaseKeys, ephemeralFrom } from "../../../shared/trust/exchange.ts";
import { type Identity, type Trust, TrustError } from "../../../shared/trust/identity.ts";

/** What a request must have been signed for. */
export interface Audience {
  host: string;
  boot: string;
  /** Assigned by the monitor, whose replay cache has let it pass once. */
  lease: string;
  /** This host's clock, milliseconds since the epoch. */
  now: number;
}

export interface VerifiedOpen {
  open: LeaseOpen;
  /** The signed bytes: both sides derive the lease's keys from them. */
  body: Uint8Array;
}

/**
 * Verifies signature, audience, boot, single use and expiry.
 *
 * @throws {ProblemError} `not-trusted`, `malformed`, `stale-boot`, `replayed` or `expired`
 */
export function verifyOpen(envelope: Uint8Array, trust: Trust, audience: Audience): VerifiedOpen {
  const { body, credential } = trusted(() => openEnvelope(envelope, trust, "gateway", "lease.open.v1"));
  const open = decoded(body);
  expectEqual("not-trusted", "gateway", open.gateway, credential.name);
  expectEqual("not-trusted", "host", open.host, audience.host);
  expectEqual("stale-boot", "boot", open.boot, audience.boot);
  // An old envelope under a fresh lease id is how a hostile dispatcher would get past the replay cache.
  expectEqual("replayed", "lease", open.lease, audience.lease);
  const leftMs = open.expiresAt - audience.now;
  // Too long a life would outlast the replay cache.
  if (leftMs <= 0 || leftMs >= 2 * leaseOpenTtlMs) {
    throw denial(
      "expired",
      `The request has ${leftMs} ms to live; it must be more than 0 and less than ${2 * leaseOpenTtlMs}`,
    );
  }
  return { open, body };
}

/** The answer to send, and the keys of the lease, 32 bytes each, as the host uses them. */
export interface Answer {
  envelope: Uint8Array<ArrayBuffer>;
  suite: Suite;
  sendKey: Uint8Array<ArrayBuffer>;
  receiveKey: Uint8Array<ArrayBuffer>;
  /** Not for the dispatcher. */
  responsesKey: Uint8Array<ArrayBuffer>;
}

/**
 * Signs this host's half of the key exchange.
 *
 * @param offered Suites this host can use
 * @throws {ProblemError} `malformed` without a common suite; `not-trusted` when the host's own identity is not trusted
 */
export function answerOpen(
  verified: VerifiedOpen,
  trust: Trust,
  identity: Identity,
  offered: Suite[],
): Answer {
  const { open } = verified;
  const suite = open.suites.find((candidate) => offered.includes(candidate));
  if (suite === undefined) {
    throw denial("malformed", `No common suite: the gateway offers ${open.suites.join(", ")}`);
  }
  const ephemeral = ephemeralFrom(kernelRandom(32));
  const answer: LeaseAnswer = {
    type: "lease.answer.v1",
    lease: open.lease,
    host: open.host,
    gateway: open.gateway,
    key: ephemeral.publicKey,
    suite,
  };
  const envelope = signEnvelope(identity, answer);
  // Opening our own answer gives the exact signed bytes, and fails here if this host has been revoked.
  const { body: answerBody } = trusted(() => openEnvelope(envelope, trust, "host", "lease.answer.v1"));
  const keys = trusted(() =>
    deriveLeaseKeys({
      privateKey: ephemeral.privateKey,
      peerKey: open.key,
      openBody: verified.body,
      answerBody,
    })
  );
  const { toGateway, toHost, responses } = keys;
  return { envelope, suite, sendKey: toGateway, receiveKey: toHost, responsesKey: responses };
}

/** What `check` gives; what is not to be trusted is a problem by that name. @throws {ProblemError} */
export function trusted<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (cause instanceof TrustError) throw new ProblemError(cause.problem, undefined, { cause });
    throw cause;
  }
}

function decoded(body: Uint8Array): LeaseOpen {
  try {
    return decodeLeaseOpen(body);
  } catch (cause) {
    if (cause instanceof ProtocolError) throw new ProblemError("malformed", undefined, { cause });
    throw cause;
  }
}

function expectEqual(problem: Problem, what: string, actual: string, expected: string): void {
  if (actual !== expected) throw denial(problem, `The request names ${what} '${actual}', not '${expected}'`);
}

function denial(problem: Problem, message: string): ProblemError {
  return new ProblemError(problem, undefined, { cause: new Error(message) });
}
