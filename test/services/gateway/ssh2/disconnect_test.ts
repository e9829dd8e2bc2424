import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { disconnect, DisconnectReason, sendBanner } from "../../../../services/gateway/ssh2/mod.ts";
import { RawClient, serve, ssh } from "./kit.ts";

Deno.test("disconnect() shows the person a sentence, and closes both ends", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await serve("ours", (connection) => {
    connection.on("close", () => closed.resolve());
    connection.on("ready", () => {
      disconnect(connection, DisconnectReason.byApplication, "The gateway is going down; try again.");
      disconnect(connection, DisconnectReason.byApplication, "again");
    });
  });
  const { code, stderr } = await ssh(server.port, ["true"]);
  assert.equal(code, 255);
  assert.match(stderr, /The gateway is going down; try again\./);
  assert.doesNotMatch(stderr, /again$/m);
  await closed.promise;
});

Deno.test("disconnect() works before the client has said anything", async () => {
  await using server = await serve("ours", (connection) => {
    setImmediate(() => disconnect(connection, DisconnectReason.tooManyConnections, "Come back later"));
  });
  const socket = connect(server.port, "127.0.0.1");
  const chunks: Uint8Array[] = [];
  socket.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  await once(socket, "close");
  assert.match(new TextDecoder().decode(chunks[0]), /^SSH-2\.0-/);
});

Deno.test("a client that does not close after a disconnect loses its socket all the same", async () => {
  await using server = await serve("ours", (connection) => {
    setImmediate(() => disconnect(connection, DisconnectReason.byApplication, "Bye"));
  });
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.resume();
  const connection = await server.connection;
  await once(connection, "close");
  socket.destroy();
});

Deno.test("nothing the client sends after a disconnect is looked at", async () => {
  let authentications = 0;
  await using server = await serve("ours", (connection) => {
    connection.on("authentication", (context) => {
      authentications++;
      disconnect(connection, DisconnectReason.protocolError, "No");
      context.reject(["password"]);
    });
  });
  await using client = new RawClient().connect(server.port, {
    password: "x",
    authHandler: ["none", "password"],
  });
  await client.closed;
  assert.equal(authentications, 1);
});

Deno.test("sendBanner() reaches the person before a refusal, as often as it is called", async () => {
  await using server = await serve("ours", (connection) => {
    connection.on("authentication", (context) => {
      sendBanner(connection, "No account for you here.\n");
      sendBanner(connection, "Ask the helpdesk.\n");
      context.reject([]);
    });
  });
  const { code, stderr } = await ssh(server.port, ["true"]);
  assert.equal(code, 255);
  assert.match(stderr, /No account for you here\.\r?\nAsk the helpdesk\./);
});

Deno.test("sendBanner() after success does nothing", async () => {
  await using server = await serve("ours", (connection) => {
    connection.on("ready", () => sendBanner(connection, "too late"));
  });
  await using client = await new RawClient().connect(server.port).ready();
  await client.settled();
  assert.equal(client.received.some(({ number }) => number === 53), false);
});
