import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import type { SshClient } from "../../../../services/gateway/ssh2/internals.ts";
import { type Flavour, onExec, RawClient, serve, until } from "./kit.ts";

/** Sends the identification only; tells whether the server's KEXINIT waits in its socket at that moment. */
async function holdsKexInit(flavour: Flavour): Promise<boolean> {
  const held = Promise.withResolvers<boolean>();
  await using server = await serve(flavour, (connection) => {
    const client = connection as unknown as SshClient;
    // Ours exists from the start, stock's from the identification on: look when our KEXINIT has been made
    const look = () => {
      if (client._protocol._kexinit) held.resolve(client._sock.writableCorked > 0);
      else setImmediate(look);
    };
    look();
  });
  const socket = connect(server.port, "127.0.0.1");
  let received = 0;
  socket.on("data", (chunk: Uint8Array) => received += chunk.length);
  socket.write("SSH-2.0-test\r\n");
  const result = await held.promise;
  // A client that waits for our KEXINIT is not kept waiting for ever
  await until(() => received > 300);
  socket.destroy();
  return result;
}

Deno.test("our KEXINIT is held back for the client's, but not for ever", async () => {
  assert.equal(await holdsKexInit("ours"), true);
});

Deno.test("stock ssh2 still sends its KEXINIT at once", async () => {
  assert.equal(await holdsKexInit("stock"), false);
});

Deno.test("the hold ends with the client's KEXINIT", async () => {
  await using server = await serve("ours", onExec(() => {}));
  await using _client = await new RawClient().connect(server.port).ready();
  const connection = await server.connection as unknown as SshClient;
  assert.equal(connection._sock.writableCorked, 0);
});

Deno.test("garbage instead of an identification closes the connection", async () => {
  await using server = await serve("ours", () => {});
  for (const garbage of ["GET / HTTP/1.1\r\n\r\n", Buffer.alloc(9000, "x"), "SSH-1.5-old\r\n"]) {
    const socket = connect(server.port, "127.0.0.1");
    socket.resume();
    socket.write(garbage);
    await new Promise((resolve) => socket.once("close", resolve));
  }
  assert.equal(server.errors.length, 3);
});
