import assert from "node:assert/strict";
import { answerOpen, type Audience, verifyOpen } from "../../../../services/host/worker/verify_open.ts";
import { type LeaseOpen, plainGrant } from "../../../../shared/protocol/lease.ts";
import { decodeLeaseAnswer } from "../../../../shared/protocol/lease.ts";
import { type Problem, ProblemError } from "../../../../shared/protocol/problems.ts";
import { openEnvelope, signEnvelope } from "../../../../shared/trust/envelope.ts";
import { deriveLeaseKeys, generateEphemeral } from "../../../../shared/trust/exchange.ts";
import {
  createFleetKey,
  issueIdentity,
  readIdentity,
  readTrust,
  trustText,
} from "../../../../shared/trust/identity.ts";

const fleet = createFleetKey();
const trust = readTrust(trustText(fleet.publicKey));
const gateway = readIdentity(issueIdentity(fleet.secret, "gateway", "gw1"));
const host = readIdentity(issueIdentity(fleet.secret, "host", "web1"));
const now = 1_800_000_000_000;
const audience: Audience = { host: "web1", boot: "b".repeat(32), lease: "a".repeat(32), now };
const ephemeral = generateEphemeral();

const request: LeaseOpen = {
  type: "lease.open.v1",
  lease: audience.lease,
  gateway: "gw1",
  gatewayBoot: "9".repeat(32),
  host: "web1",
  boot: audience.boot,
  expiresAt: now + 30_000,
  key: ephemeral.publicKey,
  suites: ["aes-256-gcm", "chacha20-poly1305"],
  login: "ada",
  user: "ada@example.org",
  roles: ["dev"],
  logins: ["ada"],
  deniedLogins: [],
  grant: plainGrant,
  traits: {},
  pamAuth: "host-decides",
  purpose: "login",
  session: 0,
  method: "publickey",
  fingerprint: "SHA256:x",
  client: { address: "192.0.2.7", port: 50_123, serverAddress: "192.0.2.1", serverPort: 2222 },
};

function assertProblem(problem: Problem, action: () => unknown): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof ProblemError, String(error));
    assert.equal(error.problem, problem);
    assert.ok(error.cause instanceof Error, "the operator needs a cause");
    return true;
  });
}

Deno.test("verifyOpen() accepts what a gateway of the fleet signed for this host, boot and lease", () => {
  const { open } = verifyOpen(signEnvelope(gateway, request), trust, audience);
  assert.deepEqual(open, request);
});

const deviations: [what: string, problem: Problem, change: Partial<LeaseOpen>][] = [
  ["another host", "not-trusted", { host: "web2" }],
  ["another gateway than the signer", "not-trusted", { gateway: "gw2" }],
  ["an earlier boot", "stale-boot", { boot: "c".repeat(32) }],
  ["another lease than the assigned one", "replayed", { lease: "d".repeat(32) }],
  ["an expiry that has come", "expired", { expiresAt: now }],
  ["an expiry beyond the replay cache", "expired", { expiresAt: now + 60_000 }],
  ["a login that is none", "malformed", { login: "-rf" }],
];
for (const [what, problem, change] of deviations) {
  Deno.test(`verifyOpen() denies with ${problem} when the request names ${what}`, () => {
    assertProblem(
      problem,
      () => verifyOpen(signEnvelope(gateway, { ...request, ...change }), trust, audience),
    );
  });
}

Deno.test("verifyOpen() denies a signer of another fleet, of the wrong kind, or revoked", () => {
  const stranger = readIdentity(issueIdentity(createFleetKey().secret, "gateway", "gw1"));
  const impostor = readIdentity(issueIdentity(fleet.secret, "host", "gw1"));
  const revoking = readTrust(trustText(fleet.publicKey, ["gateway:gw1"]));
  assertProblem("not-trusted", () => verifyOpen(signEnvelope(stranger, request), trust, audience));
  assertProblem("not-trusted", () => verifyOpen(signEnvelope(impostor, request), trust, audience));
  assertProblem("not-trusted", () => verifyOpen(signEnvelope(gateway, request), revoking, audience));
});

Deno.test("verifyOpen() denies a body that was changed after signing", () => {
  const envelope = JSON.parse(new TextDecoder().decode(signEnvelope(gateway, request)));
  envelope.body = btoa(atob(envelope.body).replace('"ada"', '"eve"'));
  assertProblem(
    "not-trusted",
    () => verifyOpen(new TextEncoder().encode(JSON.stringify(envelope)), trust, audience),
  );
});

Deno.test("verifyOpen() denies bytes that are no envelope", () => {
  assertProblem("malformed", () => verifyOpen(new Uint8Array([1, 2, 3]), trust, audience));
});

Deno.test("answerOpen() signs an answer from which the gateway derives the same keys", () => {
  const verified = verifyOpen(signEnvelope(gateway, request), trust, audience);
  const answer = answerOpen(verified, trust, host, ["chacha20-poly1305"]);
  assert.equal(answer.suite, "chacha20-poly1305");
  const { body, credential } = openEnvelope(answer.envelope, trust, "host", "lease.answer.v1");
  assert.equal(credential.name, "web1");
  const keys = deriveLeaseKeys({
    privateKey: ephemeral.privateKey,
    peerKey: decodeLeaseAnswer(body).key,
    openBody: verified.body,
    answerBody: body,
  });
  assert.deepEqual(answer.receiveKey, keys.toHost);
  assert.deepEqual(answer.sendKey, keys.toGateway);
  assert.notDeepEqual(keys.toHost, keys.toGateway);
});

Deno.test("answerOpen() takes the gateway's first choice among the host's suites", () => {
  const verified = verifyOpen(signEnvelope(gateway, request), trust, audience);
  assert.equal(answerOpen(verified, trust, host, ["chacha20-poly1305", "aes-256-gcm"]).suite, "aes-256-gcm");
});

Deno.test("answerOpen() denies when there is no common suite, or the host itself is revoked", () => {
  const verified = verifyOpen(signEnvelope(gateway, request), trust, audience);
  assertProblem("malformed", () => answerOpen(verified, trust, host, []));
  const revoking = readTrust(trustText(fleet.publicKey, ["host:web1"]));
  assertProblem("not-trusted", () => answerOpen(verified, revoking, host, ["aes-256-gcm"]));
});
