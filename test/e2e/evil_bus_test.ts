import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Bus } from "../../shared/bus/bus.ts";
import { connectBus } from "../../shared/bus/nats.ts";
import { decodeHostHeartbeat, type LeaseOpen, plainGrant } from "../../shared/protocol/lease.ts";
import { allHostHeartbeats, leaseOpenSubject, toHostSubject } from "../../shared/protocol/subjects.ts";
import { openEnvelope, signEnvelope } from "../../shared/trust/envelope.ts";
import { generateEphemeral } from "../../shared/trust/exchange.ts";
import {
  createFleetKey,
  type Identity,
  issueIdentity,
  readIdentity,
  readTrust,
} from "../../shared/trust/identity.ts";
import { Lines } from "../support/lines.ts";
import { newLogin, uidOf } from "../support/logins.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";

const timeoutMs = 15_000;

/** A client on the bus that has stolen the gateway's nkey and knows the host's boot id. */
async function intrude(sallyport: Sallyport): Promise<{ bus: Bus; boot: string } & AsyncDisposable> {
  const { bus: { servers } } = JSON.parse(await Deno.readTextFile(`${sallyport.state}/sallyport.yaml`));
  const bus = await connectBus({
    settings: { servers, nkeySeedFile: `${sallyport.state}/gateway.nkey`, tls: null },
    name: "gateway",
    onError: () => {},
  });
  const trust = readTrust(await Deno.readTextFile(`${sallyport.state}/trust`));
  const { promise, resolve } = Promise.withResolvers<string>();
  bus.subscribe(allHostHeartbeats, ({ data }) => {
    resolve(decodeHostHeartbeat(openEnvelope(data, trust, "host", "host.heartbeat.v1").body).boot);
  });
  return { bus, boot: await promise, [Symbol.asyncDispose]: () => bus.close() };
}

function leaseOpen(boot: string, login: string, changes: Partial<LeaseOpen> = {}): LeaseOpen {
  return {
    type: "lease.open.v1",
    lease: randomBytes(16).toString("hex"),
    gateway: "gateway",
    gatewayBoot: "9".repeat(32),
    host: "local",
    boot,
    expiresAt: Date.now() + 20_000,
    key: generateEphemeral().publicKey,
    suites: ["chacha20-poly1305"],
    login,
    user: "tester",
    roles: [],
    logins: ["*", "root"],
    deniedLogins: [],
    grant: plainGrant,
    traits: {},
    pamAuth: "host-decides",
    purpose: "login",
    session: 0,
    method: "publickey",
    fingerprint: "",
    client: { address: "127.0.0.1", port: 1, serverAddress: "127.0.0.1", serverPort: 2 },
    ...changes,
  };
}

/** Sends a request and gives the problem the host denies it with, or `answered`. */
async function outcome(bus: Bus, envelope: Uint8Array): Promise<string> {
  const reply = await bus.request(leaseOpenSubject("local"), envelope, { timeoutMs });
  return JSON.parse(new TextDecoder().decode(reply)).problem ?? "answered";
}

async function gatewayIdentity(sallyport: Sallyport): Promise<Identity> {
  return readIdentity(await Deno.readTextFile(`${sallyport.state}/gateway.identity`));
}

function forgedIdentity(): Identity {
  return readIdentity(issueIdentity(createFleetKey().secret, "gateway", "gateway"));
}

Deno.test("requests that are forged, late, misdirected or used before are denied and create nothing", async () => {
  await using sallyport = await startSallyport();
  await using intruder = await intrude(sallyport);
  const { bus, boot } = intruder;
  const identity = await gatewayIdentity(sallyport);
  const login = newLogin();
  const ask = (changes: Partial<LeaseOpen>, by = identity) =>
    outcome(bus, signEnvelope(by, leaseOpen(boot, login, changes)));

  strictEqual(await ask({}, forgedIdentity()), "not-trusted");
  strictEqual(await ask({ expiresAt: Date.now() - 60_000 }), "expired");
  strictEqual(await ask({ boot: "0".repeat(32) }), "stale-boot");
  match(await ask({ host: "other" }), /not-trusted|malformed/);
  match(await ask({ gateway: "other" }), /not-trusted|malformed/);
  match(await ask({ login: "../root" }), /malformed/);
  strictEqual(await uidOf(login), null);

  const once = signEnvelope(identity, leaseOpen(boot, newLogin()));
  strictEqual(await outcome(bus, once.slice()), "answered");
  strictEqual(await outcome(bus, once.slice()), "replayed");
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
});

Deno.test("malformed and oversized messages touch neither the host nor a session that is open", async () => {
  await using sallyport = await startSallyport();
  await using intruder = await intrude(sallyport);
  const { bus, boot } = intruder;
  const pids = () =>
    (["monitor", "dispatcher", "gateway", "broker"] as const).map((role) => sallyport.process(role).pid);
  const before = pids();
  await using client = sallyport.spawn(newLogin(), "echo up; cat");
  const output = new Lines(client.stdout);
  await output.next();
  const [{ lease } = { lease: "" }] = await sallyport.journals();

  const text = (words: string) => new TextEncoder().encode(words);
  const messages = [
    new Uint8Array(),
    text("{"),
    text("null"),
    text('{"body":1}'),
    text(`{"body":"${"A".repeat(100_000)}"}`),
    text("[".repeat(50_000)),
    ...Array.from({ length: 50 }, (_, size) => new Uint8Array(randomBytes(size * 20))),
  ];
  for (const message of messages) {
    bus.publish(leaseOpenSubject("local"), message.slice());
    // Even to the right lease: what is not sealed with its keys is nothing.
    bus.publish(toHostSubject("local", "gateway", lease), message.slice());
    bus.publish(toHostSubject("local", "gateway", randomBytes(16).toString("hex")), message.slice());
  }
  match(await outcome(bus, signEnvelope(forgedIdentity(), leaseOpen(boot, "x"))), /not-trusted/);

  const input = client.stdin.getWriter();
  await input.write(text("still here\n"));
  strictEqual(await output.next(), "still here");
  await input.close();
  strictEqual((await client.status).code, 0);
  await output.cancel();
  await client.stderr.cancel();
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
  deepStrictEqual(pids(), before);
});

Deno.test("the broker lets nobody in without a key, and a gateway only where gateways may go", async () => {
  await using sallyport = await startSallyport();
  await using intruder = await intrude(sallyport);
  const { bus } = intruder;
  const overheard: string[] = [];
  for (const subject of [">", "sallyport.open.*", "sallyport.h.>", "sallyport.g.other.>"]) {
    bus.subscribe(subject, (message) => overheard.push(message.subject));
  }
  await bus.flush();
  strictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
  deepStrictEqual(overheard.filter((subject) => !/^(sallyport\.beat\.|_INBOX\.gateway)/.test(subject)), []);
});
