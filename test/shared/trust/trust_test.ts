import assert from "node:assert/strict";
import { encodeJson, ProtocolError } from "../../../shared/protocol/codec.ts";
import { chacha20Poly1305 } from "../../../shared/trust/chacha.ts";
import { openEnvelope, signEnvelope } from "../../../shared/trust/envelope.ts";
import { deriveLeaseKeys, ephemeralFrom, generateEphemeral } from "../../../shared/trust/exchange.ts";
import {
  createFleetKey,
  issueIdentity,
  readIdentity,
  readTrust,
  TrustError,
  trustText,
} from "../../../shared/trust/identity.ts";

const fleet = createFleetKey();
const trust = readTrust(trustText(fleet.publicKey));
const gateway = readIdentity(issueIdentity(fleet.secret, "gateway", "gw-1"));
const body = { type: "test.v1", text: "hello" };

function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof TrustError) return error.problem;
    throw error;
  }
  return "none";
}

Deno.test("openEnvelope() gives the exact bytes that were signed, and the signer", () => {
  const opened = openEnvelope(signEnvelope(gateway, body), trust, "gateway", "test.v1");
  assert.deepEqual(opened.body, encodeJson(body));
  assert.equal(opened.credential.name, "gw-1");
});

Deno.test("openEnvelope() refuses every altered byte that matters", () => {
  const envelope = signEnvelope(gateway, body);
  for (let at = 0; at < envelope.length; at++) {
    const altered = envelope.slice();
    altered[at]! ^= 1;
    const problem = problemOf(() => {
      const opened = openEnvelope(altered, trust, "gateway", "test.v1");
      // Base64 has spare bits at the end: what decodes to the same bytes is the same envelope.
      assert.deepEqual(opened.body, encodeJson(body));
      assert.equal(opened.credential.name, "gw-1");
    });
    assert.ok(["none", "not-trusted", "malformed"].includes(problem));
  }
});

Deno.test("openEnvelope() refuses a signature made for another type", () => {
  assert.equal(
    problemOf(() => openEnvelope(signEnvelope(gateway, body), trust, "gateway", "other.v1")),
    "not-trusted",
  );
});

Deno.test("openEnvelope() refuses a gateway where a host must have signed", () => {
  assert.equal(
    problemOf(() => openEnvelope(signEnvelope(gateway, body), trust, "host", "test.v1")),
    "not-trusted",
  );
});

Deno.test("openEnvelope() refuses another fleet's member", () => {
  const stranger = readIdentity(issueIdentity(createFleetKey().secret, "gateway", "gw-1"));
  assert.equal(
    problemOf(() => openEnvelope(signEnvelope(stranger, body), trust, "gateway", "test.v1")),
    "not-trusted",
  );
});

Deno.test("openEnvelope() refuses who is revoked by name or by key", () => {
  for (const revoked of ["gateway:gw-1", gateway.credential.publicKey]) {
    const wary = readTrust(trustText(fleet.publicKey, [revoked]));
    assert.equal(
      problemOf(() => openEnvelope(signEnvelope(gateway, body), wary, "gateway", "test.v1")),
      "not-trusted",
    );
  }
});

Deno.test("a credential cannot be renamed", () => {
  const renamed = { ...gateway, credential: { ...gateway.credential, name: "gw-2" } };
  assert.equal(
    problemOf(() => openEnvelope(signEnvelope(renamed, body), trust, "gateway", "test.v1")),
    "not-trusted",
  );
});

Deno.test("openEnvelope() calls rubbish malformed", () => {
  for (const rubbish of ["", "{}", "[1]", "null", '{"body":1}', "x".repeat(100_000)]) {
    assert.equal(
      problemOf(() => openEnvelope(new TextEncoder().encode(rubbish), trust, "gateway", "test.v1")),
      "malformed",
    );
  }
});

Deno.test("readIdentity() refuses a private key that is not the credential's", () => {
  const file = JSON.parse(issueIdentity(fleet.secret, "host", "web-1"));
  const other = JSON.parse(issueIdentity(fleet.secret, "host", "web-1"));
  assert.throws(() => readIdentity(JSON.stringify({ ...file, privateKey: other.privateKey })), ProtocolError);
});

Deno.test("issueIdentity() refuses what is not a name", () => {
  for (const name of ["", "a.b", "*", "a b", "../x"]) {
    assert.throws(() => issueIdentity(fleet.secret, "host", name), TypeError);
  }
});

Deno.test("deriveLeaseKeys() gives both sides the same keys, one per direction", () => {
  const [a, b] = [generateEphemeral(), generateEphemeral()];
  const bodies = { openBody: encodeJson(body), answerBody: encodeJson({ answer: 1 }) };
  const atA = deriveLeaseKeys({ privateKey: a.privateKey, peerKey: b.publicKey, ...bodies });
  const atB = deriveLeaseKeys({ privateKey: b.privateKey, peerKey: a.publicKey, ...bodies });
  assert.deepEqual(atA, atB);
  assert.notDeepEqual(atA.toHost, atA.toGateway);
});

Deno.test("deriveLeaseKeys() binds the keys to both bodies", () => {
  const [a, b] = [generateEphemeral(), generateEphemeral()];
  const keys = (open: string, answer: string) =>
    deriveLeaseKeys({
      privateKey: a.privateKey,
      peerKey: b.publicKey,
      openBody: new TextEncoder().encode(open),
      answerBody: new TextEncoder().encode(answer),
    }).toHost.toHex();
  assert.equal(new Set([keys("a", "b"), keys("x", "b"), keys("a", "x")]).size, 3);
});

Deno.test("deriveLeaseKeys() refuses a key of small order", () => {
  const { privateKey } = generateEphemeral();
  const zero = new Uint8Array(32).toBase64();
  const empty = new Uint8Array();
  assert.throws(
    () => deriveLeaseKeys({ privateKey, peerKey: zero, openBody: empty, answerBody: empty }),
    TrustError,
  );
});

Deno.test("chacha20Poly1305() opens what it sealed, in place, and nothing else", () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const aead = chacha20Poly1305(key);
  const nonce = new Uint8Array(12);
  const header = Uint8Array.of(1, 2, 3);
  const memory = new Uint8Array(5 + 16);
  memory.set(new TextEncoder().encode("hello"));
  aead.seal(nonce, header, memory.subarray(0, 5), memory);
  const sealed = memory.slice();
  assert.ok(aead.open(nonce, header, memory, memory.subarray(0, 5)));
  assert.equal(new TextDecoder().decode(memory.subarray(0, 5)), "hello");
  assert.equal(aead.open(nonce, Uint8Array.of(9), sealed.slice(), new Uint8Array(5)), false);
  assert.equal(aead.open(Uint8Array.from(nonce, () => 1), header, sealed.slice(), new Uint8Array(5)), false);
  sealed[0]! ^= 1;
  assert.equal(aead.open(nonce, header, sealed, new Uint8Array(5)), false);
});

Deno.test("chacha20Poly1305() neither seals nor opens after it was disposed of", () => {
  const aead = chacha20Poly1305(new Uint8Array(32));
  aead.dispose();
  aead.dispose();
  const nonce = new Uint8Array(12);
  const empty = new Uint8Array();
  assert.throws(() => aead.seal(nonce, empty, empty, new Uint8Array(16)), TypeError);
  assert.throws(() => aead.open(nonce, empty, new Uint8Array(16), empty), TypeError);
});

Deno.test("ephemeralFrom() gives the public key of RFC 7748 section 6.1, and refuses what is not 32 bytes", () => {
  const secret = Uint8Array.fromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const { publicKey } = ephemeralFrom(secret);
  assert.equal(
    Uint8Array.fromBase64(publicKey).toHex(),
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
  );
  assert.throws(() => ephemeralFrom(secret.subarray(1)), TypeError);
});
