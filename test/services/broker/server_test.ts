/** What clients may rely on: every test runs against our broker and against nats-server. */

import assert from "node:assert/strict";
import { headers } from "@nats-io/nats-core/internal";
import { BusError } from "../../../shared/bus/bus.ts";
import {
  gatewayAllowList,
  hostAllowList,
  toGatewaySubject,
  toHostSubject,
} from "../../../shared/protocol/subjects.ts";
import { isAlive, memoryBytes } from "../../support/processes.ts";
import { until } from "../../support/wait.ts";
import { connectClient, connectTestBus, RawClient } from "./clients.ts";
import { anyone, identity, serverKinds, TestServer } from "./servers.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (content: string) => new TextEncoder().encode(content);
const lease = "0123456789abcdef0123456789abcdef";

for (const kind of serverKinds) {
  Deno.test(`${kind} delivers payloads of every size unchanged and in order`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    await using sender = await connectClient(server, me);
    await using receiver = await connectClient(server, me);
    const got: Uint8Array[] = [];
    receiver.subscribe("sizes", { callback: (_error, message) => void got.push(message.data.slice()) });
    await receiver.flush();
    const sent = [0, 1, 2, 100, 4_095, 4_096, 16_384, 32_768, 65_537, 262_144, 300_000, 1_048_576, 3]
      .map((size) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + size) & 0xff));
    for (const payload of sent) sender.publish("sizes", payload);
    await sender.flush();
    await until("all have arrived", () => got.length === sent.length);
    for (const [index, payload] of sent.entries()) {
      assert.ok(payload.every((byte, at) => got[index]?.[at] === byte));
    }
    assert.deepEqual(got.map(({ length }) => length), sent.map(({ length }) => length));
  });

  Deno.test(`${kind} matches wildcards as NATS does`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    await using client = await connectClient(server, me);
    const patterns = ["a.b.c", "a.*.c", "a.>", "*.*", ">", "*.b.>", "a.b.c.>", "*"];
    const got: string[] = [];
    for (const pattern of patterns) {
      client.subscribe(pattern, {
        callback: (_error, message) => void got.push(`${pattern} ${message.subject}`),
      });
    }
    for (const subject of ["a.b.c", "a.b", "a", "x.b.c.d", "a.x.c"]) client.publish(subject);
    await client.flush();
    assert.deepEqual(
      got.sort(),
      [
        ...["a.b.c", "a.*.c", "a.>", ">", "*.b.>"].map((pattern) => `${pattern} a.b.c`),
        ...["a.>", "*.*", ">"].map((pattern) => `${pattern} a.b`),
        ...[">", "*"].map((pattern) => `${pattern} a`),
        ...[">", "*.b.>"].map((pattern) => `${pattern} x.b.c.d`),
        ...["a.*.c", "a.>", ">"].map((pattern) => `${pattern} a.x.c`),
      ].sort(),
    );
  });

  Deno.test(`${kind} gives each message to one member of a queue group, and to every plain subscriber`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    await using client = await connectClient(server, me);
    const got = { first: 0, second: 0, plain: 0, other: 0 };
    client.subscribe("work", { queue: "g", callback: () => void got.first++ });
    client.subscribe("work", { queue: "g", callback: () => void got.second++ });
    client.subscribe("work", { callback: () => void got.plain++ });
    client.subscribe("work", { queue: "h", callback: () => void got.other++ });
    for (let count = 0; count < 200; count++) client.publish("work");
    await client.flush();
    assert.equal(got.first + got.second, 200);
    assert.ok(got.first > 0 && got.second > 0);
    assert.deepEqual([got.plain, got.other], [200, 200]);
  });

  Deno.test(`${kind} carries requests, headers, and the news that nobody listens`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    await using client = await connectClient(server, me);
    client.subscribe("ask", {
      callback: (_error, message) => {
        const answer = headers();
        answer.set("Kind", message.headers?.get("Kind") ?? "none");
        message.respond(`${message.data.length}`, { headers: answer });
      },
    });
    const question = headers();
    question.set("Kind", "greeting");
    for (const noMux of [false, true]) {
      const answer = await client.request("ask", "hello", { timeout: 5_000, noMux, headers: question });
      assert.deepEqual([answer.string(), answer.headers?.get("Kind")], ["5", "greeting"]);
    }
    for (const noMux of [false, true]) {
      await assert.rejects(client.request("nobody", "", { timeout: 5_000, noMux }), /no responders/);
    }
  });

  Deno.test(`${kind} ends a subscription after the number of messages it was limited to`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    using client = await RawClient.login(server, me);
    await client.send(
      "SUB few 1\r\nUNSUB 1 2\r\nPUB few 1\r\na\r\nPUB few 1\r\nb\r\nPUB few 1\r\nc\r\nPING\r\n",
    );
    const [got] = await client.read(/^[^]*PONG\r\n/);
    assert.equal(got, "MSG few 1 1\r\na\r\nMSG few 1 1\r\nb\r\nPONG\r\n");
  });

  Deno.test(`${kind} sends a publisher nothing of its own when it asked for that`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    await using quiet = await connectClient(server, me, { noEcho: true });
    await using other = await connectClient(server, me);
    const got: string[] = [];
    quiet.subscribe("talk", { callback: (_error, message) => void got.push(message.string()) });
    await quiet.flush();
    quiet.publish("talk", "own");
    await quiet.flush();
    other.publish("talk", "other");
    await until("the other's message arrives", () => got.length > 0);
    assert.deepEqual(got, ["other"]);
  });

  Deno.test(`${kind} confirms every command of a verbose client`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    using client = await RawClient.login(server, me, { verbose: true });
    await client.send("SUB a 1\r\nPUB b 0\r\n\r\nUNSUB 1\r\nPING\r\n");
    const [got] = await client.read(/^[^]*PONG\r\n/);
    assert.equal(got, "+OK\r\n+OK\r\n+OK\r\nPONG\r\n");
  });

  Deno.test(`${kind} ends a connection that breaks the protocol and says why`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    const offences: [string, RegExp][] = [
      ["PUB big 1048577\r\n", /^-ERR 'Maximum Payload Violation'/],
      [`SUB ${"x".repeat(5_000)} 1\r\n`, /^-ERR 'Maximum Control Line Exceeded'/i],
      ["GET / HTTP/1.1\r\n\r\n", /^-ERR 'Unknown Protocol Operation'/],
    ];
    for (const [offence, complaint] of offences) {
      using client = await RawClient.login(server, me);
      await client.send(offence);
      assert.match(await client.readAll(), complaint);
    }
    using unharmed = await RawClient.login(server, me);
    await unharmed.send("PING\r\n");
    await unharmed.read(/^PONG\r\n/);
  });

  Deno.test(`${kind} refuses whoever does not prove a listed identity`, async () => {
    const me = anyone();
    const stranger = anyone();
    await using server = await TestServer.start(kind, [me]);
    await assert.rejects(connectClient(server, stranger), { name: "AuthorizationError" });
    await assert.rejects(
      connectTestBus(server, stranger, "stranger"),
      (error) => error instanceof BusError && error.reason === "refused",
    );
    // A listed name signed by somebody else's key.
    await assert.rejects(
      RawClient.login(server, stranger, { nkey: me.publicKey }),
      /Authorization Violation/,
    );
    for (const silent of ["CONNECT {}\r\n", "SUB > 1\r\n", "PUB a 1\r\nx\r\n", "PING\r\n"]) {
      using client = await RawClient.connect(server.port);
      await client.nonce();
      await client.send(silent);
      assert.match(await client.readAll(), /^-ERR 'Authorization Violation'/);
    }
  });

  Deno.test(`${kind} accepts no signature of an earlier connection`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    using first = await RawClient.connect(server.port);
    using second = await RawClient.connect(server.port);
    assert.notEqual(await first.nonce(), await second.nonce());
  });

  Deno.test(`${kind} ends a connection that never says who it is`, async () => {
    await using server = await TestServer.start(kind, [anyone()]);
    using client = await RawClient.connect(server.port);
    await client.nonce();
    assert.match(await client.readAll(), /^-ERR 'Authentication Timeout'/);
  });

  Deno.test(`${kind} lets no host read or forge what belongs to another`, async () => {
    const gateway = identity(gatewayAllowList("gw"));
    const alpha = identity(hostAllowList("alpha"));
    const beta = identity(hostAllowList("beta"));
    await using server = await TestServer.start(kind, [gateway, alpha, beta]);
    await using gw = await connectTestBus(server, gateway, "gw");
    await using hostA = await connectTestBus(server, alpha, "alpha");
    await using hostB = await connectTestBus(server, beta, "beta");
    const stolen: string[] = [];
    const toGateway: string[] = [];
    const toAlpha: string[] = [];
    for (
      const subject of [
        ">",
        "sallyport.>",
        "sallyport.h.alpha.>",
        "sallyport.h.*.*.*",
        "sallyport.open.alpha",
      ]
    ) {
      hostB.bus.subscribe(subject, (message) => stolen.push(message.subject));
    }
    hostB.bus.subscribe("_INBOX.gw.>", (message) => stolen.push(message.subject));
    gw.bus.subscribe("sallyport.g.gw.>", (message) => toGateway.push(text(message.data)));
    hostA.bus.subscribe("sallyport.h.alpha.>", (message) => toAlpha.push(text(message.data)));
    hostA.bus.subscribe("sallyport.open.alpha", (message) => message.respond(bytes("alpha")));
    await Promise.all([gw.bus.flush(), hostA.bus.flush(), hostB.bus.flush()]);

    hostB.bus.publish(toGatewaySubject("gw", "alpha", lease), bytes("forged"));
    hostB.bus.publish(toHostSubject("alpha", "gw", lease), bytes("forged"));
    await assert.rejects(
      hostB.bus.request("sallyport.open.alpha", bytes("x"), { timeoutMs: 5_000 }),
      (error) => error instanceof BusError && error.reason === "refused",
    );
    await hostB.bus.flush();
    gw.bus.publish(toHostSubject("alpha", "gw", lease), bytes("keys"));
    hostA.bus.publish(toGatewaySubject("gw", "alpha", lease), bytes("output"));
    assert.equal(
      text(await gw.bus.request("sallyport.open.alpha", bytes("x"), { timeoutMs: 5_000 })),
      "alpha",
    );
    await Promise.all([gw.bus.flush(), hostA.bus.flush(), hostB.bus.flush()]);
    await until("both have their own", () => toGateway.length > 0 && toAlpha.length > 0);

    assert.deepEqual(stolen, []);
    assert.deepEqual(toGateway, ["output"]);
    assert.deepEqual(toAlpha, ["keys"]);
    // Six subscriptions, two publishes, one request.
    await until("every refusal is told", () => hostB.errors.length >= 9);
    assert.ok(
      hostB.errors.every((error) => /Permissions Violation for (Publish|Subscription) to /.test(error)),
    );
    assert.equal(hostB.bus.state, "up");
  });

  Deno.test(`${kind} allows one answer to each request and no other publish to an inbox`, async () => {
    const me = anyone();
    const host = identity(hostAllowList("alpha"));
    await using server = await TestServer.start(kind, [me, host]);
    using asker = await RawClient.login(server, me);
    using answerer = await RawClient.login(server, host);
    await answerer.send("SUB sallyport.open.alpha 1\r\nPUB box.1 3\r\nnot\r\nPING\r\n");
    assert.match((await answerer.read(/[^]*PONG\r\n/))[0], /Permissions Violation for Publish to "box.1"/);
    await asker.send("SUB box.1 1\r\nPUB sallyport.open.alpha box.1 1\r\nq\r\nPING\r\n");
    await asker.read(/PONG\r\n/);
    await answerer.read(/MSG sallyport.open.alpha 1 box.1 1\r\nq\r\n/);
    await answerer.send("PUB box.1 3\r\none\r\nPUB box.1 3\r\ntwo\r\nPING\r\n");
    assert.match(
      (await answerer.read(/[^]*PONG\r\n/))[0],
      /^-ERR 'Permissions Violation for Publish to "box.1"/,
    );
    await asker.read(/^MSG box.1 1 3\r\none\r\n/);
    await asker.send("PING\r\n");
    assert.equal((await asker.read(/[^]*PONG\r\n/))[0], "PONG\r\n");
  });

  Deno.test(`${kind} killed and started again has every subscription before the bus says "up"`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    await using a = await connectTestBus(server, me, "a");
    await using b = await connectTestBus(server, me, "b");
    const got: string[] = [];
    const states: string[] = [];
    a.bus.onState((state) => states.push(state));
    a.bus.subscribe("news.*", (message) => got.push(text(message.data)));
    await a.bus.flush();
    await server.kill("SIGKILL");
    await until("both know", () => a.bus.state === "down" && b.bus.state === "down");
    a.bus.subscribe("later", (message) => got.push(text(message.data)));
    b.bus.publish("news.today", bytes("lost"));
    await assert.rejects(
      b.bus.request("news.today", bytes(""), { timeoutMs: 1_000 }),
      (error) => error instanceof BusError && error.reason === "down",
    );
    assert.equal(b.bus.pendingBytes, 0);
    await server.start();
    await until("both are back", () => a.bus.state === "up" && b.bus.state === "up");
    b.bus.publish("news.today", bytes("again"));
    b.bus.publish("later", bytes("new"));
    await b.bus.flush();
    await until("it arrives", () => got.length >= 2);
    assert.deepEqual(got, ["again", "new"]);
    assert.deepEqual(states, ["down", "up"]);
  });

  Deno.test(`${kind} cuts a consumer that does not read, and bounds what it holds for it`, async () => {
    const me = anyone();
    await using server = await TestServer.start(kind, [me]);
    using stuck = await RawClient.login(server, me);
    await stuck.send("SUB flood 1\r\nPING\r\n");
    await stuck.read(/PONG\r\n/);
    await using ping = await connectTestBus(server, me, "ping");
    await using pong = await connectTestBus(server, me, "pong");
    // A producer for the stuck one, too: it may have to wait with the other.
    await using probe = await connectTestBus(server, me, "probe");
    pong.bus.subscribe("echo", (message) => message.respond(message.data));
    await pong.bus.flush();
    using producer = await RawClient.login(server, me);
    let most = 0;
    let sent = 0;
    let isCut = false;
    const frame = new Uint8Array(32_768 + 21);
    frame.set(bytes("PUB flood 32768\r\n"));
    frame.set(bytes("\r\n"), 17 + 32_768);
    const burst = frame.subarray(0, 17 + 32_768 + 2);
    const flood = (async () => {
      while (!isCut && sent < 400 * 1_048_576) {
        await producer.send(burst);
        sent += burst.length;
      }
    })();
    const others = (async () => {
      let slowest = 0;
      while (!isCut) {
        const started = performance.now();
        await ping.bus.request("echo", bytes("x"), { timeoutMs: 5_000 });
        slowest = Math.max(slowest, performance.now() - started);
        await until("the next look", () => performance.now() > started + 50);
      }
      return slowest;
    })();
    await until("the consumer is cut", async () => {
      most = Math.max(most, memoryBytes(server.pid, "whole"));
      // Nobody listens to the subject any more.
      const listening = await probe.bus.request("flood", bytes(""), { timeoutMs: 200 }).then(
        () => true,
        (error) => !(error instanceof BusError && error.reason === "no-responders"),
      );
      return !listening;
    }, { timeoutMs: 30_000 });
    isCut = true;
    const slowest = await others;
    await flood;
    // Ours pauses producers at 8 MiB, nats-server holds 64 MiB; the rest is what the process is.
    assert.ok(most < (kind === "broker" ? 150 : 300) * 1_048_576, `the server held ${most} bytes`);
    assert.ok(slowest < 2_000, `others waited ${slowest} ms`);
    assert.ok(isAlive(server.pid));
    console.log(
      `${kind}: ${Math.round(most / 1_048_576)} MiB at most, others waited ${slowest.toFixed(1)} ms`,
    );
  });
}
