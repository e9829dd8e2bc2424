import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { ConnStream } from "../../../../services/gateway/ssh2/conn_stream.ts";
import type { SshClient } from "../../../../services/gateway/ssh2/internals.ts";
import { byte, string } from "../../../../services/gateway/ssh2/messages.ts";
import { onExec, RawClient, serve, until } from "./kit.ts";

/** Both ends of a TCP connection. */
async function pair(): Promise<{ stream: ConnStream; peer: Deno.TcpConn }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const peer = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  return { stream: new ConnStream(await accepting as Deno.TcpConn), peer };
}

function randomContent(length: number): Buffer {
  const content = Buffer.alloc(length);
  for (let offset = 0; offset < length; offset += 50_000) {
    crypto.getRandomValues(content.subarray(offset, Math.min(offset + 50_000, length)));
  }
  return content;
}

Deno.test("every byte passes in order, in writes of every size, and the peer sees the end", async () => {
  const { stream, peer } = await pair();
  stream.resume();
  const content = randomContent(2_000_000);
  const closed = once(stream, "close");
  for (
    let offset = 0, size = 1;
    offset < content.length;
    offset += size, size = Math.min(size * 2, 100_000)
  ) {
    stream.write(content.subarray(offset, offset + size));
  }
  stream.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of peer.readable) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).equals(content), true);
  await closed;
});

Deno.test("every byte is read in order, whatever its pieces, and a slow reader holds up the peer", async () => {
  const { stream, peer } = await pair();
  const content = randomContent(8_000_000);
  const writing = (async () => {
    const writer = peer.writable.getWriter();
    await writer.write(content);
    await writer.close();
  })();
  stream.pause();
  await once(stream, "readable");
  assert.ok(stream.readableLength <= 256 * 1024);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  await writing;
  assert.equal(Buffer.concat(chunks).equals(content), true);
  assert.equal(stream.transferredBytes, content.length);
});

Deno.test("a chunk is not changed by later reads", async () => {
  const { stream, peer } = await pair();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  for (let round = 0; round < 20; round++) {
    await peer.write(new Uint8Array(3000).fill(round));
    await until(() => Buffer.concat(chunks).length === 3000 * (round + 1));
  }
  const all = Buffer.concat(chunks);
  for (let round = 0; round < 20; round++) assert.equal(all[round * 3000 + 2999], round);
  stream.destroy();
  peer.close();
});

Deno.test("destroy() closes at once and is idempotent", async () => {
  const { stream, peer } = await pair();
  const closed = once(stream, "close");
  stream.destroy();
  stream.destroy();
  await closed;
  assert.equal(await peer.read(new Uint8Array(1)), null);
  peer.close();
});

Deno.test("a client that makes us answer and never reads is not read any more", async () => {
  await using server = await serve("ours", onExec(() => {}));
  await using client = await new RawClient().connect(server.port).ready();
  const connection = await server.connection as unknown as SshClient;
  client.socket.pause();
  const ping = Buffer.alloc(30_000);
  let sent = 0;
  // 64 MB of pings, as fast as the server takes them
  const flood = () => {
    while (sent < 64 * 1024 * 1024 && client.socket.writableLength < 1024 * 1024) {
      client.send(byte(192), string(ping));
      sent += ping.length;
    }
  };
  let before = -1;
  await until(() => {
    flood();
    const length = connection._sock.writableLength;
    const stalled = length > 1024 * 1024 && length === before && client.socket.writableLength >= 1024 * 1024;
    before = length;
    return stalled || sent >= 64 * 1024 * 1024;
  });
  assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes taken`);
  assert.ok(connection._sock.writableLength < 2 * 1024 * 1024);
});
