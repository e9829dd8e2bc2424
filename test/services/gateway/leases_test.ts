import { rejects, strictEqual } from "node:assert/strict";
import { startBroker } from "../../../services/broker/broker.ts";
import { AccessPolicy } from "../../../services/gateway/access.ts";
import { Hosts } from "../../../services/gateway/hosts.ts";
import { Leases } from "../../../services/gateway/leases.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import type { Labels } from "../../../shared/protocol/lease.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import {
  gatewayAllowList,
  hostAllowList,
  hostHeartbeatSubject,
  leaseOpenSubject,
} from "../../../shared/protocol/subjects.ts";
import { signEnvelope } from "../../../shared/trust/envelope.ts";
import {
  createFleetKey,
  issueIdentity,
  readIdentity,
  readTrust,
  trustText,
} from "../../../shared/trust/identity.ts";
import { FleetTrust } from "../../../shared/trust/revocations.ts";
import { at, role } from "./roles_kit.ts";

const [firstBoot, secondBoot] = ["1".repeat(32), "2".repeat(32)];
const key = "AAAAC3NzaC1lZDI1NTE5AAAAIE9vb29vb29vb29vb29vb29vb29vb29vb29vb29vb29v";

/** A gateway's leases, and a host that answers each request with a problem, after `onAsked` if that is given. */
async function setUp() {
  const fleet = createFleetKey();
  const identityOf = (kind: "gateway" | "host", name: string) =>
    readIdentity(issueIdentity(fleet.secret, kind, name));
  const [gateway, host] = [identityOf("gateway", "gate"), identityOf("host", "house")];
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-leases-" });
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
  const trust = new FleetTrust(readTrust(trustText(fleet.publicKey)));
  const hosts = new Hosts(gatewayBus, trust);
  const leases = new Leases({
    bus: gatewayBus,
    name: "gate",
    identity: gateway,
    trust,
    hosts,
    sessionTimeoutMs: 60_000,
  });
  const kit = {
    hosts,
    leases,
    /** How many requests have come, and what is done and said about the next. */
    asked: 0,
    onAsked: () => {},
    problem: "host-busy",
    beat(boot: string, at: number, labels: Labels): void {
      const body = {
        type: "host.heartbeat.v1",
        host: "house",
        boot,
        at,
        version: "0",
        leases: 0,
        load: 0,
        draining: false,
        labels,
        revocations: 0,
      };
      hostBus.publish(hostHeartbeatSubject("house"), signEnvelope(host, body));
    },
    async [Symbol.asyncDispose]() {
      leases[Symbol.dispose]();
      hosts[Symbol.dispose]();
      await Promise.all([gatewayBus.close(), hostBus.close()]);
      await broker[Symbol.asyncDispose]();
      Deno.removeSync(folder, { recursive: true });
    },
  };
  hostBus.subscribe(leaseOpenSubject("house"), (message) => {
    kit.asked++;
    const { problem } = kit;
    kit.onAsked();
    message.respond(encodeJson({ type: "lease.denied.v1", problem }));
  });
  await Promise.all([gatewayBus.flush(), hostBus.flush()]);
  return kit;
}

/** Everybody's host but those of production, as asked about a host with `labels`. */
function requestFor(labels: Labels) {
  const user = { name: "ada", keys: [`ssh-ed25519 ${key}`], roles: ["r"], traits: {} };
  const roles = { r: role({ logins: ["ada"], deny: { hostLabels: { env: ["prod"] } } }) };
  const applicant = new AccessPolicy([user], roles).byKey(Uint8Array.fromBase64(key), "ada", at(labels))!;
  return {
    target: { login: "ada", host: "house" },
    applicant,
    pamAuth: "host-decides" as const,
    client: { address: "127.0.0.1", port: 1, serverAddress: "127.0.0.1", serverPort: 2 },
  };
}

function is(problem: string) {
  return (error: unknown) => {
    strictEqual((error as ProblemError).problem, problem);
    return error instanceof ProblemError;
  };
}

Deno.test("Leases.open() asks no host that has come back with other labels than the roles were asked about", async () => {
  await using kit = await setUp();
  kit.beat(firstBoot, 1, { env: "test" });
  await kit.hosts.find("house");
  kit.problem = "stale-boot";
  kit.onAsked = () => {
    kit.problem = "host-busy";
    kit.beat(secondBoot, 2, { env: "prod" });
  };
  await rejects(kit.leases.open(requestFor({ env: "test" })), is("labels-changed"));
  strictEqual(kit.asked, 1);
});

Deno.test("Leases.open() asks no host that had no labels when the roles were asked, as it was not heard yet", async () => {
  await using kit = await setUp();
  const opening = kit.leases.open(requestFor({}));
  kit.beat(firstBoot, 1, { env: "prod" });
  await rejects(opening, is("labels-changed"));
  strictEqual(kit.asked, 0);
});

Deno.test("Leases.open() asks a host that has restarted once more, if its labels are the same in any order", async () => {
  await using kit = await setUp();
  kit.beat(firstBoot, 1, { env: "test", role: "web" });
  await kit.hosts.find("house");
  kit.problem = "stale-boot";
  kit.onAsked = () => {
    kit.problem = "host-busy";
    kit.beat(secondBoot, 2, { role: "web", env: "test" });
  };
  await rejects(kit.leases.open(requestFor({ env: "test", role: "web" })), is("host-busy"));
  strictEqual(kit.asked, 2);
});
