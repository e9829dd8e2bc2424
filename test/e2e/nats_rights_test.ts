/** The nats-server.conf that `sallyport keys` writes, under a real nats-server: what a member can do to another. */

import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import type { Bus } from "../../shared/bus/bus.ts";
import { connectBus } from "../../shared/bus/nats.ts";
import { createNkey } from "../../shared/bus/nkeys.ts";
import {
  allGatewayHeartbeats,
  allHostHeartbeats,
  framesForGateway,
  framesForHost,
  gatewayHeartbeatSubject,
  hostHeartbeatSubject,
  inboxPrefix,
  leaseOpenSubject,
  toGatewaySubject,
  toHostSubject,
} from "../../shared/protocol/subjects.ts";
import { natsServer } from "../services/broker/servers.ts";
import { run } from "../support/command.ts";
import { connectable } from "../support/ports.ts";
import { until } from "../support/wait.ts";

const root = new URL("../..", import.meta.url).pathname;
const port = 4222;
const url = `nats://127.0.0.1:${port}`;
const lease = "ab".repeat(16);
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (content: string) => new TextEncoder().encode(content);

/** A fleet's folder, as an administrator makes it. */
async function fleetFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "fleet-" });
  for (const words of [["init"], ["add-gateway", "gate"], ["add-host", "victim"], ["add-host", "rogue"]]) {
    const { code, stderr } = await run([
      ...[Deno.execPath(), "run", "-A", `${root}services/main.ts`, "keys", ...words, "--state", folder],
    ]);
    deepStrictEqual([code, stderr], [0, ""]);
  }
  return folder;
}

async function startServer(config: string): Promise<AsyncDisposable> {
  const child = new Deno.Command(natsServer, { args: ["-c", config], stdout: "null", stderr: "null" })
    .spawn();
  await until("nats-server accepts connections", () => connectable(port));
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

interface Party extends AsyncDisposable {
  bus: Bus;
  /** What the bus has refused, as text. */
  errors: string[];
  /** `subject text` of all it was brought. */
  heard: string[];
  listen(subject: string): void;
}

async function connect(nkeySeedFile: string, name: string): Promise<Party> {
  const errors: string[] = [];
  const heard: string[] = [];
  const bus = await connectBus({
    settings: { servers: [url], nkeySeedFile, tls: null },
    name,
    onError: (cause) => errors.push(String(cause)),
  });
  return {
    bus,
    errors,
    heard,
    listen: (subject) =>
      void bus.subscribe(subject, (message) => heard.push(`${message.subject} ${text(message.data)}`)),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

Deno.test("under the generated nats-server.conf a host reads and forges nothing of another's", async (t) => {
  const folder = await fleetFolder();
  await using _server = await startServer(`${folder}/nats-server.conf`);
  await using gate = await connect(`${folder}/gateways/gate/nkey`, "gate");
  await using victim = await connect(`${folder}/hosts/victim/nkey`, "victim");
  await using rogue = await connect(`${folder}/hosts/rogue/nkey`, "rogue");
  const settled = async () => {
    for (let round = 0; round < 2; round++) for (const { bus } of [rogue, victim, gate]) await bus.flush();
  };
  gate.listen(framesForGateway("gate"));
  gate.listen(allHostHeartbeats);
  victim.listen(framesForHost("victim"));
  victim.listen(allGatewayHeartbeats);
  victim.bus.subscribe(leaseOpenSubject("victim"), (message) => {
    victim.heard.push(`${message.subject} ${text(message.data)}`);
    message.respond(bytes("answer"));
  });
  await settled();

  await t.step("it hears nothing of theirs, whatever it subscribes to", async () => {
    const subjects = [
      ...[">", "*.>", "*.*.*", "sallyport.>", "sallyport.*.*", "_INBOX.>", "$SYS.>"],
      ...[framesForHost("victim"), toHostSubject("victim", "gate", lease), "sallyport.h.*.gate.*"],
      ...[framesForGateway("gate"), toGatewaySubject("gate", "victim", lease), "sallyport.g.*.rogue.*"],
      ...[leaseOpenSubject("victim"), "sallyport.open.*", allHostHeartbeats],
      ...[`${inboxPrefix("gate")}.>`, `${inboxPrefix("victim")}.>`],
    ];
    for (const subject of subjects) rogue.listen(subject);
    await rogue.bus.flush();
    await until("each was refused", () => rogue.errors.length >= subjects.length);
    deepStrictEqual(rogue.errors.filter((error) => !/permission/i.test(error)), []);
    const reply = await gate.bus.request(leaseOpenSubject("victim"), bytes("open"), { timeoutMs: 5_000 });
    deepStrictEqual(text(reply), "answer");
    gate.bus.publish(toHostSubject("victim", "gate", lease), bytes("keystroke"));
    victim.bus.publish(toGatewaySubject("gate", "victim", lease), bytes("output"));
    victim.bus.publish(hostHeartbeatSubject("victim"), bytes("beat"));
    gate.bus.publish(gatewayHeartbeatSubject("gate"), bytes("beat"));
    await until("they have heard each other", () => gate.heard.length === 2 && victim.heard.length === 3);
    await settled();
    deepStrictEqual(rogue.heard, []);
  });

  await t.step("it forges nothing of theirs", async () => {
    const [gateBefore, victimBefore] = [gate.heard.length, victim.heard.length];
    const refused = rogue.errors.length;
    const subjects = [
      ...[toHostSubject("victim", "gate", lease), toGatewaySubject("gate", "victim", lease)],
      ...[hostHeartbeatSubject("victim"), gatewayHeartbeatSubject("gate"), leaseOpenSubject("victim")],
      ...[`${inboxPrefix("gate")}.1`, `${inboxPrefix("victim")}.1`, "$SYS.REQ.SERVER.PING"],
    ];
    for (const subject of subjects) rogue.bus.publish(subject, bytes("forged"));
    await until("each was refused", () => rogue.errors.length >= refused + subjects.length);
    await rejects(rogue.bus.request(leaseOpenSubject("victim"), bytes("forged"), { timeoutMs: 500 }));
    await settled();
    deepStrictEqual([gate.heard.length, victim.heard.length], [gateBefore, victimBefore]);
  });

  await t.step("its own it can do", async () => {
    rogue.listen(framesForHost("rogue"));
    await rogue.bus.flush();
    gate.bus.publish(toHostSubject("rogue", "gate", lease), bytes("keystroke"));
    rogue.bus.publish(hostHeartbeatSubject("rogue"), bytes("beat"));
    await until("its frame came", () => rogue.heard.length === 1);
    await until(
      "its heartbeat came",
      () => gate.heard.some((line) => line.startsWith("sallyport.beat.host.rogue")),
    );
  });

  await t.step(
    "who answers to nobody's key is not let in, and a host that is away is known to be so at once",
    async () => {
      const stranger = `${folder}/stranger`;
      await Deno.writeTextFile(stranger, createNkey().seed);
      await rejects(connect(stranger, "stranger"), /Authorization|refused/i);
      const startedAt = performance.now();
      await rejects(gate.bus.request(leaseOpenSubject("away"), bytes("open"), { timeoutMs: 10_000 }), {
        reason: "no-responders",
      });
      ok(performance.now() - startedAt < 1_000);
    },
  );
  await Deno.remove(folder, { recursive: true });
});
