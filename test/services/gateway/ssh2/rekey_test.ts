import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { closeChannel, sendExit } from "../../../../services/gateway/ssh2/mod.ts";
import type { SshClient } from "../../../../services/gateway/ssh2/internals.ts";
import { byte, string } from "../../../../services/gateway/ssh2/messages.ts";
import { onExec, RawClient, serve, ssh, until } from "./kit.ts";

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

/** A client that never answers our KEXINIT. */
async function ignoringKexInit(port: number): Promise<{ client: RawClient; asked: Promise<void> }> {
  const client = await new RawClient().connect(port).ready();
  const asked = Promise.withResolvers<void>();
  const decipher = client.protocol._decipher;
  const stock = decipher._onPayload;
  decipher._onPayload = (payload) => {
    if (payload[0] !== 20) return stock(payload);
    asked.resolve();
    return undefined;
  };
  return { client, asked: asked.promise };
}

Deno.test("while a client ignores our key exchange no data is queued for it, and answers only so many", async () => {
  let taken = 0;
  await using server = await serve("ours", (connection) => {
    onExec((accept) => {
      const channel = accept();
      connection.rekey();
      const write = () => {
        channel.write(Buffer.alloc(100_000), () => {
          taken += 100_000;
          if (taken < 50_000_000) write();
        });
      };
      write();
    })(connection);
  });
  const { client, asked } = await ignoringKexInit(server.port);
  await using _client = client;
  const channel = await client.openSession();
  client.request(channel, "exec", false, string("x"));
  await asked;
  const { _protocol: protocol } = await server.connection as unknown as SshClient;
  client.send(byte(192), string("ping"));
  await until(() => protocol._queue?.length === 1);
  assert.equal(taken, 0);
  for (let count = 0; count < 1100; count++) client.send(byte(192), string("ping"));
  await client.closed;
  assert.equal(client.received.some(({ number }) => number === 94), false);
  assert.deepEqual(server.errors, ["The client does not exchange keys"]);
});
