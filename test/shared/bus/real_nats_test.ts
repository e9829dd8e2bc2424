/** The bus on real nats-servers: several of them, logins that are taken away, and tokens in place of keys. */

import assert from "node:assert/strict";
import type { Bus, BusState } from "../../../shared/bus/bus.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { gatewayAllowList, hostAllowList, leaseOpenSubject } from "../../../shared/protocol/subjects.ts";
import { anyone, identity, type TestIdentity, TestServer } from "../../services/broker/servers.ts";
import { until } from "../../support/wait.ts";
import { TestOperator } from "./creds_kit.ts";

const bytes = (content: string) => new TextEncoder().encode(content);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

interface Party extends AsyncDisposable {
  bus: Bus;
  states: BusState[];
  /** What went to `onError`, as text. */
  errors: string[];
}

/** @param secret An nkey seed, or the text of a .creds file */
async function connect(
  servers: string[],
  secret: string,
  name: string,
  waitForFirst = false,
): Promise<Party> {
  const nkeySeedFile = await Deno.makeTempFile();
  await Deno.writeTextFile(nkeySeedFile, secret);
  const errors: string[] = [];
  const connecting = connectBus({
    settings: { servers, nkeySeedFile, tls: null },
    name,
    waitForFirst,
    onError: (cause) => errors.push(String(cause)),
  }).finally(() => Deno.remove(nkeySeedFile));
  const bus = await connecting;
  const states: BusState[] = [];
  bus.onState((state) => states.push(state));
  return { bus, states, errors, [Symbol.asyncDispose]: () => bus.close() };
}

Deno.test("a bus of two servers goes to the other when one dies, with its subscriptions", async () => {
  const me = anyone();
  await using first = await TestServer.start("nats-server", [me]);
  await using second = await TestServer.start("nats-server", [me]);
  await using party = await connect([first.url, second.url], me.seed, "me");
  const heard: string[] = [];
  party.bus.subscribe("news", ({ data }) => heard.push(text(data)));
  await party.bus.flush();
  for (const [dead, alive] of [[first, second], [second, first]]) {
    const from = party.states.length;
    await dead!.kill();
    await until("it is up on the other", () => party.states.slice(from).join(" ") === "down up");
    party.bus.publish("news", bytes(alive!.url));
    await until("it hears itself there", () => heard.at(-1) === alive!.url);
    await dead!.start();
  }
  assert.deepEqual(heard, [second.url, first.url]);
});

Deno.test("a login that is taken away is said once, however often it is tried, and works again when it is given back", async () => {
  const [me, other] = [identity(hostAllowList("house")), anyone()];
  const log = await Deno.makeTempFile();
  await using server = await TestServer.start("nats-server", [me, other], { log_file: log });
  await using party = await connect([server.url], me.seed, "house");
  const refusals = () => Deno.readTextFileSync(log).split("authentication error").length - 1;
  await server.reload([other]);
  await until("it was refused five times", () => refusals() >= 5);
  assert.equal(party.bus.state, "down");
  // One when it is thrown out, in the server's words for that, and one for all that it tries then.
  assert.ok(party.errors.length >= 1 && party.errors.length <= 2, party.errors.join("\n"));
  for (const error of party.errors) {
    assert.match(
      error,
      /^BusError: Cannot connect to the bus at \S+: .+; nats-server's configuration must name this key/,
    );
  }
  await server.reload([me, other]);
  await until("it is up", () => party.bus.state === "up");
  await party.bus.flush();
  await Deno.remove(log);
});

Deno.test("a login that nobody knows yet is waited for, and said once", async () => {
  const [me, other] = [identity(hostAllowList("house")), anyone()];
  const log = await Deno.makeTempFile();
  await using server = await TestServer.start("nats-server", [other], { log_file: log });
  const refusals = () => Deno.readTextFileSync(log).split("authentication error").length - 1;
  const connecting = connect([server.url], me.seed, "house", true);
  await until("it was refused twice", () => refusals() >= 2);
  await server.reload([me, other]);
  await using party = await connecting;
  assert.equal(party.bus.state, "up");
  assert.equal(party.errors.length, 1, party.errors.join("\n"));
  assert.match(party.errors[0]!, /nats-server's configuration must name this key/);
  await Deno.remove(log);
});

Deno.test("rights that are taken away end a subscription, and neither the bus nor the process", async () => {
  const me = identity({ publish: ["a", "b"], subscribe: ["a", "b"], responds: false });
  const less: TestIdentity = { ...me, allow: { publish: ["a"], subscribe: ["a"], responds: false } };
  await using server = await TestServer.start("nats-server", [me]);
  await using party = await connect([server.url], me.seed, "me");
  const heard: string[] = [];
  for (const subject of ["a", "b"]) party.bus.subscribe(subject, (message) => heard.push(message.subject));
  await party.bus.flush();
  await server.reload([less]);
  await until("it is told what it may not", () => {
    if (party.bus.state === "up") party.bus.publish("b", bytes(""));
    return party.errors.some((error) => /permission/i.test(error));
  });
  await until("what it may works", () => {
    if (party.bus.state === "up") party.bus.publish("a", bytes(""));
    return heard.includes("a");
  });
});

Deno.test("a .creds file is as good as an nkey where nats-server has an operator, and its rights hold", async () => {
  const operator = new TestOperator();
  await using server = await TestServer.start("nats-server", null, operator.config);
  const creds = (kind: "gateway" | "host", name: string) =>
    operator.creds(name, kind === "gateway" ? gatewayAllowList(name) : hostAllowList(name));
  await using gate = await connect([server.url], creds("gateway", "gate"), "gate");
  await using house = await connect([server.url], creds("host", "house"), "house");
  await using rogue = await connect([server.url], creds("host", "rogue"), "rogue");
  house.bus.subscribe(leaseOpenSubject("house"), (message) => message.respond(bytes("answer")));
  rogue.bus.subscribe(leaseOpenSubject("house"), (message) => message.respond(bytes("forged")));
  await until("the rogue is told", () => rogue.errors.some((error) => /permission/i.test(error)));
  await house.bus.flush();
  const answer = await gate.bus.request(leaseOpenSubject("house"), bytes(""), { timeoutMs: 5_000 });
  assert.equal(text(answer), "answer");
  await server.kill();
  await server.start();
  await until("it is up again", () => gate.bus.state === "up");

  const strangers = new TestOperator().creds("gate", gatewayAllowList("gate"));
  for (const secret of [strangers, anyone().seed]) {
    await assert.rejects(
      connect([server.url], secret, "gate"),
      /^BusError: Cannot connect to the bus at \S+: .*Authorization Violation.*must name this key/,
    );
  }
});
