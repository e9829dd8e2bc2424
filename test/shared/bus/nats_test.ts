import assert from "node:assert/strict";
import { type Bus, BusError } from "../../../shared/bus/bus.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { anyone, type TestIdentity, TestServer } from "../../services/broker/servers.ts";
import { connectTestBus } from "../../services/broker/clients.ts";
import { signal } from "../../support/processes.ts";
import { until } from "../../support/wait.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);

function settingsOf(server: TestServer) {
  return { servers: [server.url], nkeySeedFile: null, tls: null };
}

function credentialsOf(identity: TestIdentity) {
  return { nkeySeed: bytes(identity.seed), tls: null };
}

/** Publishes 64 KiB messages until the bus says that `total` of them wait. */
function fill(bus: Bus, total: number): void {
  for (let sent = 0; sent < total; sent += 65_536) {
    const loan = bus.lend("flood", 65_536);
    loan.commit(65_536);
  }
}

Deno.test("Bus.lend() gives a buffer of which just the committed bytes are published", async () => {
  const me = anyone();
  await using server = await TestServer.start("broker", [me]);
  await using test = await connectTestBus(server, me, "me");
  const got: string[] = [];
  test.bus.subscribe("loans", (message) => got.push(text(message.data)));
  const [first, second] = [test.bus.lend("loans", 1_024), test.bus.lend("loans", 8)];
  assert.ok(first.buffer.length >= 1_024);
  first.buffer.set(bytes("first and more"));
  second.buffer.set(bytes("second"));
  second.commit(6);
  first.commit(5);
  await test.bus.flush();
  assert.deepEqual(got, ["second", "first"]);
});

Deno.test("Bus.publish() refuses what is larger than maxPayload and stays up", async () => {
  const me = anyone();
  await using server = await TestServer.start("broker", [me]);
  await using test = await connectTestBus(server, me, "me");
  assert.equal(test.bus.maxPayload, 1_048_576);
  assert.throws(() => test.bus.publish("a", new Uint8Array(1_048_577)), { name: "RangeError" });
  await test.bus.flush();
  assert.equal(test.bus.state, "up");
});

Deno.test("Bus.request() ends at its deadline, by its signal, and when the bus goes down", async () => {
  const me = anyone();
  await using server = await TestServer.start("nats-server", [me]);
  await using test = await connectTestBus(server, me, "me");
  test.bus.subscribe("silent", () => {});
  const is = (reason: string) => (error: unknown) => error instanceof BusError && error.reason === reason;
  await assert.rejects(test.bus.request("silent", bytes(""), { timeoutMs: 50 }), is("timeout"));
  await assert.rejects(test.bus.request("nobody", bytes(""), { timeoutMs: 5_000 }), is("no-responders"));
  const abort = new AbortController();
  const aborted = test.bus.request("silent", bytes(""), { timeoutMs: 60_000, signal: abort.signal });
  abort.abort(new Error("not needed any more"));
  await assert.rejects(aborted, /not needed any more/);
  const interrupted = test.bus.request("silent", bytes(""), { timeoutMs: 60_000 });
  await Promise.all([assert.rejects(interrupted, is("down")), server.kill()]);
});

Deno.test("Bus survives a listener that throws and tells onError", async () => {
  const me = anyone();
  await using server = await TestServer.start("broker", [me]);
  await using test = await connectTestBus(server, me, "me");
  const got: string[] = [];
  test.bus.subscribe("a", () => {
    throw new Error("careless");
  });
  test.bus.subscribe("a", (message) => got.push(text(message.data)));
  test.bus.publish("a", bytes("1"));
  test.bus.publish("a", bytes("2"));
  await test.bus.flush();
  assert.deepEqual(got, ["1", "2"]);
  assert.deepEqual(test.errors, ["Error: careless", "Error: careless"]);
});

Deno.test("Bus gets nothing more once it has unsubscribed", async () => {
  const me = anyone();
  await using server = await TestServer.start("broker", [me]);
  await using test = await connectTestBus(server, me, "me");
  const got: string[] = [];
  const subscription = test.bus.subscribe("a", (message) => got.push(text(message.data)));
  test.bus.publish("a", bytes("1"));
  await test.bus.flush();
  subscription.unsubscribe();
  subscription.unsubscribe();
  test.bus.publish("a", bytes("2"));
  await test.bus.flush();
  assert.deepEqual(got, ["1"]);
});

Deno.test("Bus.pendingBytes counts what a server that hangs has not taken", async () => {
  const me = anyone();
  await using server = await TestServer.start("nats-server", [me]);
  await using test = await connectTestBus(server, me, "me");
  assert.equal(test.bus.pendingBytes, 0);
  signal(server.pid, "SIGSTOP");
  const total = 32 * 1_048_576;
  fill(test.bus, total);
  assert.ok(test.bus.pendingBytes > total / 2, `${test.bus.pendingBytes}`);
  assert.ok(test.bus.pendingBytes <= total + 100_000, `${test.bus.pendingBytes}`);
  signal(server.pid, "SIGCONT");
  await until("all is written", () => test.bus.pendingBytes === 0);
});

Deno.test("Bus.close() sends what is queued first, and is closed for good", async () => {
  const me = anyone();
  await using server = await TestServer.start("broker", [me]);
  await using receiver = await connectTestBus(server, me, "receiver");
  await using sender = await connectTestBus(server, me, "sender");
  let got = 0;
  receiver.bus.subscribe("flood", () => got++);
  await receiver.bus.flush();
  const states: string[] = [];
  sender.bus.onState((state) => states.push(state));
  fill(sender.bus, 8 * 1_048_576);
  await sender.bus.close();
  await sender.bus.close();
  sender.bus.publish("flood", bytes("late"));
  await until("all has arrived", () => got === 128);
  assert.deepEqual(states, ["closed"]);
  await assert.rejects(sender.bus.flush(), { name: "BusError" });
});

Deno.test("connectBus() waits for a first server when asked to, and says once why it waits", async () => {
  const me = anyone();
  await using server = await TestServer.start("nats-server", [me]);
  await server.kill();
  const options = { settings: settingsOf(server), credentials: credentialsOf(me), name: "me" };
  await assert.rejects(
    connectBus({ ...options, onError: () => {} }),
    /^BusError: Cannot connect to the bus at nats/,
  );
  const errors: string[] = [];
  const waiting = connectBus({
    ...options,
    waitForFirst: true,
    onError: (cause) => errors.push(String(cause)),
  });
  await until("it has tried", () => errors.length > 0);
  await server.start();
  const bus = await waiting;
  assert.equal(bus.state, "up");
  assert.equal(errors.length, 1);
  await bus.close();
});

Deno.test("connectBus() stops waiting by its signal", async () => {
  const me = anyone();
  await using server = await TestServer.start("nats-server", [me]);
  await server.kill();
  const abort = new AbortController();
  const waiting = connectBus({
    settings: settingsOf(server),
    credentials: credentialsOf(me),
    name: "me",
    waitForFirst: true,
    onError: () => abort.abort(new Error("stopped")),
    signal: abort.signal,
  });
  await assert.rejects(waiting, /stopped/);
});
