/** What is ours alone: limits, deadlines, and the process. */

import assert from "node:assert/strict";
import { startBroker } from "../../../services/broker/broker.ts";
import { Client, type ClientHost } from "../../../services/broker/client.ts";
import {
  maxPingsOut,
  maxSubscriptionsPerClient,
  maxUnauthenticatedClients,
  pingIntervalMs,
} from "../../../services/broker/limits.ts";
import { Permissions } from "../../../services/broker/permissions.ts";
import { readBrokerSettings } from "../../../services/broker/settings.ts";
import { run } from "../../support/command.ts";
import { Lines } from "../../support/lines.ts";
import { until } from "../../support/wait.ts";
import { RawClient } from "./clients.ts";
import { anyone } from "./servers.ts";

const config = new URL("../../../deno.json", import.meta.url).pathname;
const main = new URL("../../../services/broker/main.ts", import.meta.url).pathname;

Deno.test("Client asks a silent peer whether it lives, and gives up after unanswered questions", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using peer = await RawClient.connect(listener.addr.port);
  const reasons: string[] = [];
  const host: ClientHost = {
    info: () => "INFO {}\r\n",
    authenticate: () => new Permissions({ publish: [], subscribe: [], responds: false }),
    subscribed: () => {},
    unsubscribed: () => {},
    publish: () => {},
    flush: () => {},
    ended: (_client, reason) => void reasons.push(reason),
  };
  const client = new Client(1, await listener.accept(), host);
  const serving = client.serve();
  await peer.read(/^INFO \{\}\r\n/);
  await peer.send('CONNECT {"verbose":false}\r\nPING\r\n');
  await peer.read(/^PONG\r\n/);
  const start = performance.now();
  client.tick(start + pingIntervalMs - 1_000);
  for (let question = 1; question <= maxPingsOut; question++) {
    client.tick(start + pingIntervalMs * question + 1);
    await peer.read(/^PING\r\n/);
  }
  client.tick(start + pingIntervalMs * (maxPingsOut + 1) + 1);
  assert.equal(await peer.readAll(), "-ERR 'Stale Connection'\r\n");
  assert.deepEqual(reasons, ["Stale Connection"]);
  peer.conn.close();
  await serving;
});

Deno.test("Client that answers is asked again later and not ended", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using peer = await RawClient.connect(listener.addr.port);
  await using broker = startBroker({ identities: [] });
  const client = new Client(1, await listener.accept(), {
    info: () => "",
    authenticate: () => new Permissions({ publish: [], subscribe: [], responds: false }),
    subscribed: () => {},
    unsubscribed: () => {},
    publish: () => {},
    flush: () => broker.flush(),
    ended: () => {},
  });
  const serving = client.serve();
  await peer.send('CONNECT {"verbose":false}\r\nPING\r\n');
  await peer.read(/^PONG\r\n/);
  for (let round = 1; round <= 3 * maxPingsOut; round++) {
    client.tick(performance.now() + pingIntervalMs + 1);
    await peer.read(/^PING\r\n/);
    await peer.send("PONG\r\nPING\r\n");
    await peer.read(/^PONG\r\n/);
  }
  peer.conn.close();
  await serving;
});

Deno.test("Broker keeps strangers few and has room for others again when they leave", async () => {
  const me = anyone();
  await using broker = startBroker({ identities: [me] });
  const { port } = broker.address;
  const strangers: RawClient[] = [];
  for (let count = 0; count < maxUnauthenticatedClients; count++) {
    const stranger = await RawClient.connect(port);
    await stranger.nonce();
    strangers.push(stranger);
  }
  using late = await RawClient.connect(port);
  assert.equal(await late.readAll(), "");
  for (const stranger of strangers) stranger[Symbol.dispose]();
  using welcome = await until("there is room", () => RawClient.login({ port }, me));
  await welcome.send("PING\r\n");
  await welcome.read(/^PONG\r\n/);
});

Deno.test("Broker bounds the subscriptions of one client", async () => {
  const me = anyone();
  await using broker = startBroker({ identities: [me] });
  using client = await RawClient.login(broker.address, me);
  for (let sid = 0; sid < maxSubscriptionsPerClient; sid++) await client.send(`SUB s.${sid} ${sid}\r\n`);
  await client.send("SUB s.more more\r\nPUB s.more 1\r\nx\r\nPUB s.7 1\r\nx\r\nPING\r\n");
  const [got] = await client.read(/^[^]*PONG\r\n/);
  assert.equal(got, "-ERR 'maximum subscriptions exceeded'\r\nMSG s.7 7 1\r\nx\r\nPONG\r\n");
});

Deno.test("Broker tells who came and why they went", async () => {
  const me = anyone();
  const events: string[] = [];
  await using broker = startBroker({
    identities: [me],
    onEvent: (event) =>
      void events.push(event.kind === "ended" ? `${event.kind}: ${event.reason}` : event.kind),
  });
  const first = await RawClient.login(broker.address, me);
  first.conn.close();
  await until("it is gone", () => events.length === 2);
  using second = await RawClient.connect(broker.address.port);
  await second.nonce();
  await second.send("PING\r\n");
  await second.readAll();
  assert.deepEqual(events, [
    "connected",
    "ended: it closed the connection",
    "ended: Authorization Violation",
  ]);
});

Deno.test("broker/main.ts says where it listens, is not root then, and ends at SIGTERM", async () => {
  const me = anyone();
  const settings = await Deno.makeTempFile();
  const ids = { uid: 47_313, gid: 47_314 };
  await Deno.writeTextFile(
    settings,
    JSON.stringify({
      host: "127.0.0.1",
      port: 0,
      ...ids,
      identities: [{ publicKey: me.publicKey, allow: me.allow }],
      logLevel: "error",
      logFormat: "json",
    }),
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", `--config=${config}`, "-P=broker", main, settings],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = new Lines(child.stdout);
  const [, port] = /^\{"listening":"127\.0\.0\.1:(\d+)"\}$/.exec(await lines.next()) ?? [];
  const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
  assert.match(status, new RegExp(`^Uid:\\s+${ids.uid}\\s+${ids.uid}\\s+${ids.uid}\\s+${ids.uid}$`, "m"));
  assert.match(status, new RegExp(`^Gid:\\s+${ids.gid}\\s+${ids.gid}\\s+${ids.gid}\\s+${ids.gid}$`, "m"));
  assert.match(status, new RegExp(`^Groups:\\s+${ids.gid} *$`, "m"));
  using client = await RawClient.login({ port: Number(port) }, me);
  await client.send("PING\r\n");
  await client.read(/^PONG\r\n/);
  child.kill("SIGTERM");
  const { code, signal } = await child.status;
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  await lines.cancel();
  await Deno.remove(settings);
});

Deno.test("broker/main.ts names what is wrong with its settings", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, JSON.stringify({ host: "127.0.0.1", port: 70_000 }));
  const { code, stderr } = await run(
    [Deno.execPath(), "run", "--quiet", "--no-prompt", `--config=${config}`, "-P=broker", main, file],
  );
  assert.equal(code, 111);
  assert.equal(stderr, "Cannot read settings.port: it must be an integer from 0 to 65535\n");
  await Deno.remove(file);
});

Deno.test("readBrokerSettings() refuses to run as root", () => {
  const bytes = new TextEncoder().encode(JSON.stringify({ host: "127.0.0.1", port: 0, uid: 0, gid: 1 }));
  assert.throws(() => readBrokerSettings(bytes), { name: "ProtocolError", message: /settings\.uid/ });
});
