import assert from "node:assert/strict";
import { type LeaseOpen, plainGrant } from "../../../../shared/protocol/lease.ts";
import { leaseOpenSubject, toHostSubject } from "../../../../shared/protocol/subjects.ts";
import { signEnvelope } from "../../../../shared/trust/envelope.ts";
import { generateEphemeral } from "../../../../shared/trust/exchange.ts";
import { createFleetKey, issueIdentity, readIdentity } from "../../../../shared/trust/identity.ts";
import { gatewayName, HostKit, hostName, TestChannel } from "../host_kit.ts";

async function openBody(host: HostKit, changes: Partial<LeaseOpen> = {}): Promise<LeaseOpen> {
  const state = await host.hosts.find(hostName);
  assert.ok(state);
  return {
    type: "lease.open.v1",
    lease: crypto.getRandomValues(new Uint8Array(16)).toHex(),
    gateway: gatewayName,
    gatewayBoot: "9".repeat(32),
    host: hostName,
    boot: state.boot,
    expiresAt: Date.now() + 20_000,
    key: generateEphemeral().publicKey,
    suites: ["chacha20-poly1305"],
    login: "root",
    user: "alice",
    roles: [],
    logins: [],
    deniedLogins: [],
    grant: plainGrant,
    traits: {},
    pamAuth: "host-decides",
    purpose: "login",
    session: 0,
    method: "publickey",
    fingerprint: "",
    client: { address: "192.0.2.7", port: 1, serverAddress: "192.0.2.1", serverPort: 22 },
    ...changes,
  };
}

/** The problem the host answers with, or null for a signed answer. */
async function ask(host: HostKit, envelope: Uint8Array): Promise<string | null> {
  const reply = await host.bus.request(leaseOpenSubject(hostName), envelope, { timeoutMs: 10_000 });
  const { type, problem } = JSON.parse(new TextDecoder().decode(reply));
  return type === "lease.denied.v1" ? problem : null;
}

Deno.test("A dispatcher stands a hostile bus", async (t) => {
  await using host = await HostKit.start();
  const sign = (body: LeaseOpen, identity = host.identity) => signEnvelope(identity, body);

  await t.step("a request counts once, while its lease lives and when nothing came of it", async () => {
    const body = await openBody(host);
    const envelope = sign(body);
    assert.equal(await ask(host, envelope), null);
    assert.equal(await ask(host, envelope), "replayed");
    const late = sign(await openBody(host, { expiresAt: Date.now() - 1 }));
    assert.equal(await ask(host, late), "expired");
    assert.equal(await ask(host, late), "replayed");
  });

  await t.step("a request for another boot, host or gateway opens nothing", async () => {
    const stale = await openBody(host, { boot: "0".repeat(32) });
    assert.equal(await ask(host, sign(stale)), "stale-boot");
    assert.equal(await ask(host, sign(await openBody(host, { host: "other" }))), "not-trusted");
    assert.equal(await ask(host, sign(await openBody(host, { gateway: "other" }))), "not-trusted");
  });

  await t.step("a stranger's request costs no worker", async () => {
    const stranger = readIdentity(issueIdentity(createFleetKey().secret, "gateway", gatewayName));
    assert.equal(await ask(host, sign(await openBody(host), stranger)), "not-trusted");
    assert.equal(await ask(host, new TextEncoder().encode("{}")), "malformed");
    assert.equal(await ask(host, new Uint8Array(100_000)), "malformed");
    const traversal = await openBody(host, { lease: "../../../../etc/cron.d/evil" });
    assert.equal(await ask(host, sign(traversal)), "malformed");
  });

  await t.step("foreign and forged frames change nothing", async () => {
    const lease = await host.accepted();
    const channel = new TestChannel(lease, "cat");
    await channel.opened;
    const ids = [...host.log.matchAll(/Opening for root with aes-256-gcm lease=(\w+)/g)];
    const id = ids.at(-1)?.[1] ?? "";
    for (const target of [id, "f".repeat(32)]) {
      for (const length of [0, 1, 8, 24, 100, 32_768]) {
        const junk = crypto.getRandomValues(new Uint8Array(length));
        host.bus.publish(toHostSubject(hostName, gatewayName, target), junk);
      }
    }
    channel.type("still here");
    channel.endInput();
    assert.deepEqual(await channel.over, { type: "exit", code: 0 });
    assert.equal(channel.stdout, "still here");
    await lease.close();
  });
});
