import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { closeChannel, sendExit } from "../../../../services/gateway/ssh2/mod.ts";
import { onExec, serve, ssh } from "./kit.ts";

const sendFour = onExec((accept) => {
  const channel = accept();
  channel.resume();
  channel.write(Buffer.alloc(4_000_000, "x"));
  sendExit(channel, { code: 0 });
  closeChannel(channel);
});

Deno.test("the server asks for new keys after so many bytes, and nothing is lost", async () => {
  let exchanges = 0;
  await using server = await serve("ours", (connection) => {
    connection.on("handshake", () => exchanges++);
    sendFour(connection);
  }, { rekeyLimits: { bytes: 1_000_000, ms: 3_600_000 } });
  const { code, stdout } = await ssh(server.port, ["x"]);
  assert.equal(code, 0);
  assert.equal(stdout.length, 4_000_000);
  assert.ok(exchanges >= 2, `${exchanges} key exchanges`);
});

Deno.test("the server asks for new keys after so long", async () => {
  let exchanges = 0;
  await using server = await serve("ours", (connection) => {
    connection.on("handshake", () => exchanges++);
    sendFour(connection);
  }, { rekeyLimits: { bytes: Infinity, ms: 0 } });
  const { code } = await ssh(server.port, ["x"]);
  assert.equal(code, 0);
  assert.ok(exchanges >= 2);
});

Deno.test("by default one exchange serves a short connection", async () => {
  let exchanges = 0;
  await using server = await serve("ours", (connection) => {
    connection.on("handshake", () => exchanges++);
    sendFour(connection);
  });
  await ssh(server.port, ["x"]);
  assert.equal(exchanges, 1);
});
