import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { Channel, type ChannelInfo, type SshClient } from "../../../../services/gateway/ssh2/internals.ts";
import { byte, string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import { closeChannel, sendExit, writableBytes } from "../../../../services/gateway/ssh2/mod.ts";
import { decode, type Flavour, onExec, RawClient, serve, ssh, until } from "./kit.ts";

/** Writes 3000 bytes to each stream into a window of 1000 that opens bit by bit; returns what the client got. */
async function bothStreams(flavour: Flavour): Promise<{ stdout: number; stderr: number; callbacks: number }> {
  let callbacks = 0;
  await using server = await serve(
    flavour,
    onExec((accept) => {
      const channel = accept();
      channel.write(Buffer.alloc(3000, "o"), () => callbacks++);
      channel.stderr.write(Buffer.alloc(3000, "e"), () => callbacks++);
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession(1000);
  client.request(channel, "exec", true, string("cat"));
  await client.take(99);
  for (let round = 0; round < 12; round++) {
    client.send(byte(93), uint32(channel), uint32(1000));
    await client.settled();
  }
  let stdout = 0;
  let stderr = 0;
  for (const { number, reader } of client.received) {
    if (number !== 94 && number !== 95) continue;
    reader.uint32();
    if (number === 95) reader.uint32();
    const text = decode(reader.view());
    if (number === 94) stdout += text.length;
    else stderr += text.length;
    assert.match(text, number === 94 ? /^o+$/ : /^e+$/);
  }
  return { stdout, stderr, callbacks };
}

Deno.test("stdout and stderr that both wait for the window arrive once", async () => {
  assert.deepEqual(await bothStreams("ours"), { stdout: 3000, stderr: 3000, callbacks: 2 });
});

Deno.test("stock ssh2 still sends a waiting chunk twice, or loses it", async () => {
  const { stdout, stderr } = await bothStreams("stock");
  assert.notDeepEqual({ stdout, stderr }, { stdout: 3000, stderr: 3000 });
});

Deno.test("5 MB on each stream at once reach OpenSSH whole", async () => {
  const size = 5_000_000;
  const content = new Uint8Array(size);
  for (let offset = 0; offset < size; offset += 50_000) {
    crypto.getRandomValues(content.subarray(offset, offset + 50_000));
  }
  await using server = await serve(
    "ours",
    onExec((accept) => {
      const channel = accept();
      channel.write(Buffer.from(content));
      channel.stderr.write(Buffer.alloc(size, "e"));
      sendExit(channel, { code: 4 });
      closeChannel(channel);
    }),
  );
  const { code, stdout, stderr } = await ssh(server.port, ["both"], { options: ["-q"] });
  assert.equal(code, 4);
  assert.equal(Buffer.compare(stdout, content), 0);
  assert.equal(stderr.length, size);
});

/** A client with a huge window that reads nothing; how much does the server hold in its socket? */
async function flood(flavour: Flavour): Promise<number> {
  let held = 0;
  const total = 64 * 1024 * 1024;
  await using server = await serve(
    flavour,
    onExec((accept) => {
      const channel = accept();
      const chunk = Buffer.alloc(1024 * 1024);
      let left = total;
      const more = () => {
        const socket = (channel as unknown as { _client: SshClient })._client._sock;
        held = Math.max(held, socket.writableLength);
        if ((left -= chunk.length) < 0) return;
        channel.write(chunk, () => setImmediate(more));
      };
      more();
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession(0xffff_ffff);
  client.socket.pause();
  client.request(channel, "exec", true, string("flood"));
  const connection = await server.connection as unknown as SshClient;
  // Stalled: what is written no longer changes from turn to turn; stock never stalls before its end
  let before = -1;
  await until(() => {
    const length = connection._sock.writableLength;
    const stalled = length > 200_000 && length === before;
    before = length;
    return stalled || length > 32 * 1024 * 1024;
  });
  return held;
}

Deno.test("a client that does not read costs a few hundred kilobytes, whatever its window", async () => {
  const held = await flood("ours");
  assert.ok(held < 1024 * 1024, `${held} bytes held`);
});

Deno.test("stock ssh2 still holds everything for it", async () => {
  const held = await flood("stock");
  assert.ok(held > 8 * 1024 * 1024, `${held} bytes held`);
});

Deno.test("writableBytes() falls to 0 while the client does not take more", async () => {
  let channel: ServerChannel | undefined;
  await using server = await serve("ours", onExec((accept) => channel = accept()));
  await using client = await new RawClient().connect(server.port).ready();
  const number = await client.openSession(0);
  client.request(number, "exec", true, string("cat"));
  await client.take(99);
  const free = writableBytes(channel!);
  assert.ok(free >= 64 * 1024);
  channel!.write(Buffer.alloc(free));
  assert.equal(writableBytes(channel!), 0);
  client.send(byte(93), uint32(number), uint32(free));
  await until(() => writableBytes(channel!) === free);
});

Deno.test("stock Channel._write still sends empty packets for ever when the client names a size of 0", () => {
  let packets = 0;
  const client = {
    _protocol: {
      channelData: () => {
        if (++packets === 1000) throw new Error("still going");
      },
    },
  } as unknown as SshClient;
  const end = { id: 0, window: 1000, packetSize: 0, state: "open" } as const;
  const info: ChannelInfo = { type: "session", incoming: { ...end }, outgoing: { ...end } };
  const channel = new Channel(client, info, { server: true });
  assert.throws(() => channel._write(Buffer.alloc(10), "binary", () => {}), /still going/);
});
