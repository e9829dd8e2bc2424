import assert from "node:assert/strict";
import { Gateways } from "../../../../services/host/dispatcher/gateways.ts";
import { heartbeatTimeoutMs } from "../../../../shared/protocol/limits.ts";
import { signEnvelope } from "../../../../shared/trust/envelope.ts";
import {
  createFleetKey,
  issueIdentity,
  readIdentity,
  readTrust,
  trustText,
} from "../../../../shared/trust/identity.ts";

const fleet = createFleetKey();
const identity = readIdentity(issueIdentity(fleet.secret, "gateway", "gate"));
const firstBoot = "1".repeat(32);
const secondBoot = "2".repeat(32);

function beat(boot: string, at: number, by = identity, gateway = "gate", draining = false): Uint8Array {
  const body = { type: "gateway.heartbeat.v1", gateway, boot, at, version: "0", draining };
  return signEnvelope(by, body);
}

function setUp() {
  const lost: unknown[] = [];
  const trust = readTrust(trustText(fleet.publicKey));
  return { lost, gateways: new Gateways(trust, (...report) => lost.push(report)) };
}

Deno.test("Gateways.check() reports a gateway that has been silent too long, once", () => {
  const { lost, gateways } = setUp();
  gateways.met("gate", firstBoot, 0);
  gateways.heard(beat(firstBoot, 1), 5_000);
  gateways.check(5_000 + heartbeatTimeoutMs);
  assert.deepEqual(lost, []);
  gateways.check(5_001 + heartbeatTimeoutMs);
  gateways.check(6_000 + heartbeatTimeoutMs);
  assert.deepEqual(lost, [["gate", firstBoot, "silent"]]);
});

Deno.test("Gateways.heard() reports a restart, which costs the life before its leases", () => {
  const { lost, gateways } = setUp();
  gateways.heard(beat(firstBoot, 1), 1_000);
  gateways.heard(beat(firstBoot, 2), 6_000);
  gateways.met("gate", secondBoot, 7_000);
  assert.deepEqual(lost, []);
  gateways.heard(beat(secondBoot, 3), 8_000);
  assert.deepEqual(lost, [["gate", firstBoot, "restarted"]]);
});

Deno.test("Gateways.heard() reports the restart of a gateway known only by its lease", () => {
  const { lost, gateways } = setUp();
  gateways.met("gate", firstBoot, 0);
  gateways.heard(beat(secondBoot, 1), 1_000);
  assert.deepEqual(lost, [["gate", firstBoot, "restarted"]]);
});

Deno.test("Gateways.heard() is not moved by replayed, foreign or unsigned heartbeats", () => {
  const { lost, gateways } = setUp();
  gateways.heard(beat(firstBoot, 10), 0);
  const stranger = readIdentity(issueIdentity(createFleetKey().secret, "gateway", "gate"));
  const sibling = readIdentity(issueIdentity(fleet.secret, "gateway", "other"));
  const host = readIdentity(issueIdentity(fleet.secret, "host", "gate"));
  gateways.heard(beat(secondBoot, 9), 1_000);
  gateways.heard(beat(secondBoot, 20, stranger), 1_000);
  gateways.heard(beat(secondBoot, 20, sibling), 1_000);
  gateways.heard(beat(secondBoot, 20, host), 1_000);
  gateways.heard(new TextEncoder().encode("{}"), 1_000);
  assert.deepEqual(lost, []);
  gateways.check(heartbeatTimeoutMs + 1);
  assert.equal(lost.length, 1);
});

Deno.test("Gateways.excuse() starts everybody's time anew", () => {
  const { lost, gateways } = setUp();
  gateways.met("gate", firstBoot, 0);
  gateways.excuse(100_000);
  gateways.check(100_000 + heartbeatTimeoutMs);
  assert.deepEqual(lost, []);
});

Deno.test("Gateways.heard() lets a life that drains go on beside its successor, until it falls silent", () => {
  const { lost, gateways } = setUp();
  gateways.heard(beat(firstBoot, 1), 0);
  gateways.heard(beat(firstBoot, 2, identity, "gate", true), 1_000);
  gateways.heard(beat(secondBoot, 3), 2_000);
  gateways.heard(beat(firstBoot, 4, identity, "gate", true), 6_000);
  gateways.heard(beat(secondBoot, 5), 7_000);
  assert.deepEqual(lost, []);
  gateways.heard(beat(secondBoot, 6), 12_000);
  gateways.check(6_001 + heartbeatTimeoutMs);
  assert.deepEqual(lost, [["gate", firstBoot, "silent"]]);
});

Deno.test("Gateways.heard() believes no replayed heartbeat of a life that is over", () => {
  const { lost, gateways } = setUp();
  const old = beat(firstBoot, 2);
  gateways.heard(old, 0);
  gateways.heard(beat(secondBoot, 3), 1_000);
  assert.deepEqual(lost.splice(0), [["gate", firstBoot, "restarted"]]);
  gateways.heard(old, 2_000);
  gateways.check(1_000 + heartbeatTimeoutMs);
  assert.deepEqual(lost, []);
});
