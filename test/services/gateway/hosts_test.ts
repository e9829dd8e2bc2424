import assert from "node:assert/strict";
import { startBroker } from "../../../services/broker/broker.ts";
import { Hosts } from "../../../services/gateway/hosts.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import { heartbeatIntervalMs } from "../../../shared/protocol/limits.ts";
import { gatewayAllowList, hostAllowList, hostHeartbeatSubject } from "../../../shared/protocol/subjects.ts";
import { signEnvelope } from "../../../shared/trust/envelope.ts";
import {
  createFleetKey,
  issueIdentity,
  readIdentity,
  readTrust,
  trustText,
} from "../../../shared/trust/identity.ts";
import { until } from "../../support/wait.ts";

const [firstBoot, secondBoot] = ["1".repeat(32), "2".repeat(32)];

/** A gateway's list of hosts on a clock the test turns, and a host that beats when the test says so. */
async function setUp() {
  const fleet = createFleetKey();
  const identity = readIdentity(issueIdentity(fleet.secret, "host", "house"));
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-hosts-" });
  const [gatewayKey, hostKey] = [createNkey(), createNkey()];
  const broker = startBroker({
    identities: [
      { publicKey: hostKey.publicKey, allow: hostAllowList("house") },
      { publicKey: gatewayKey.publicKey, allow: gatewayAllowList("gate") },
    ],
  });
  const join = (name: string, seed: string) => {
    const nkeySeedFile = `${folder}/${name}`;
    Deno.writeTextFileSync(nkeySeedFile, seed);
    return connectBus({
      settings: { servers: [broker.url], nkeySeedFile, tls: null },
      name,
      onError: () => {},
    });
  };
  const gatewayBus = await join("gate", gatewayKey.seed);
  const hostBus = await join("house", hostKey.seed);
  const clock = { now: 0 };
  const hosts = new Hosts(gatewayBus, readTrust(trustText(fleet.publicKey)), () => clock.now);
  await gatewayBus.flush();
  return {
    hosts,
    clock,
    beat(boot: string, at: number): void {
      const body = {
        type: "host.heartbeat.v1",
        host: "house",
        boot,
        at,
        version: "0",
        leases: 0,
        load: 0,
        draining: false,
        labels: {},
        revocations: 0,
      };
      hostBus.publish(hostHeartbeatSubject("house"), signEnvelope(identity, body));
    },
    async [Symbol.asyncDispose]() {
      hosts[Symbol.dispose]();
      await Promise.all([gatewayBus.close(), hostBus.close()]);
      await broker[Symbol.asyncDispose]();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

/** What a promise has come to without any waiting for the clock on the wall. */
async function atOnce<T>(promise: Promise<T>): Promise<T | "not yet"> {
  const { promise: later, resolve } = Promise.withResolvers<"not yet">();
  const timer = setTimeout(() => resolve("not yet"), 0);
  const outcome = await Promise.race([promise, later]);
  clearTimeout(timer);
  return outcome;
}

Deno.test("Hosts.find() waits for a host that could not have been heard yet, and not for one that could", async () => {
  await using gate = await setUp();
  const { hosts, clock, beat } = gate;
  const found = hosts.find("house");
  assert.equal(await atOnce(found), "not yet");
  beat(firstBoot, 1_000);
  assert.equal((await found)?.boot, firstBoot);
  clock.now = heartbeatIntervalMs * 1.5;
  assert.equal(await atOnce(hosts.find("nowhere")), null);
  assert.equal((await hosts.find("house"))?.boot, firstBoot);
});

Deno.test("Hosts.find() waits for the next life of a host whose boot is over, however long it listens", async () => {
  await using gate = await setUp();
  const { hosts, clock, beat } = gate;
  const found = hosts.find("house");
  beat(firstBoot, 1_000);
  await found;
  clock.now = heartbeatIntervalMs * 2;
  const next = hosts.find("house", { notBoot: firstBoot });
  assert.equal(await atOnce(next), "not yet");
  beat(secondBoot, 2_000);
  assert.equal((await next)?.boot, secondBoot);
});

Deno.test("Hosts believes no heartbeat twice, and none that is older", async () => {
  await using gate = await setUp();
  const { hosts, clock, beat } = gate;
  const found = hosts.find("house");
  beat(firstBoot, 2_000);
  await found;
  clock.now = 1_000;
  beat(secondBoot, 1_000);
  beat(firstBoot, 2_000);
  beat(firstBoot, 3_000);
  const state = await until("the last one is heard", async () => {
    const state = await hosts.find("house");
    return state?.heardAt === 1_000 && state;
  });
  assert.deepEqual([state.boot, state.clockOffsetMs], [firstBoot, 2_000]);
});
