import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import { closeChannel, sendEof, sendExit, type SessionExit } from "../../../../services/gateway/ssh2/mod.ts";
import { byte } from "../../../../services/gateway/ssh2/messages.ts";
import { decode, onExec, RawClient, serve, ssh } from "./kit.ts";

/** Runs a command whose server side ends as `end` does, with OpenSSH. */
async function endWith(end: (channel: ServerChannel) => void) {
  await using server = await serve(
    "ours",
    onExec((accept) => {
      const channel = accept();
      channel.resume();
      channel.write("output");
      end(channel);
    }),
  );
  const { code, stdout, stderr } = await ssh(server.port, ["x"]);
  return { code, stdout: decode(stdout), stderr };
}

Deno.test("sendExit() after sendEof() reaches the client", async () => {
  const { code, stdout } = await endWith((channel) => {
    sendEof(channel);
    sendExit(channel, { code: 42 });
    closeChannel(channel);
  });
  assert.deepEqual({ code, stdout }, { code: 42, stdout: "output" });
});

Deno.test("stock exit() after eof() is still lost", async () => {
  await using server = await serve(
    "stock",
    onExec((accept) => {
      const channel = accept() as ServerChannel & { eof(): void; close(): void };
      channel.eof();
      channel.exit(42);
      channel.close();
    }),
  );
  const { code } = await ssh(server.port, ["x"]);
  assert.equal(code, 255);
});

Deno.test("sendExit() before sendEof() reaches the client, and only the first close counts", async () => {
  const { code } = await endWith((channel) => {
    sendExit(channel, { code: 7 });
    sendEof(channel);
    sendEof(channel);
    closeChannel(channel);
    sendExit(channel, { code: 9 });
    closeChannel(channel);
  });
  assert.equal(code, 7);
});

Deno.test("sendExit() with a signal makes OpenSSH exit with 255", async () => {
  for (const signal of ["SEGV", "SYS"]) {
    const { code } = await endWith((channel) => {
      sendExit(channel, { signal, coreDumped: true });
      closeChannel(channel);
    });
    assert.equal(code, 255);
  }
});

async function exitSignal(exit: SessionExit): Promise<{ name: string; coreDumped: boolean }> {
  await using server = await serve(
    "ours",
    onExec((accept) => {
      const channel = accept();
      sendExit(channel, exit);
      closeChannel(channel);
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, string("x"));
  const request = await client.take(98);
  request.uint32();
  assert.equal(request.text(), "exit-signal");
  assert.equal(request.boolean(), false);
  return { name: request.text(), coreDumped: request.boolean() };
}

Deno.test("sendExit() names signals of RFC 4254, and the others as sshd does", async () => {
  assert.deepEqual(await exitSignal({ signal: "KILL", coreDumped: false }), {
    name: "KILL",
    coreDumped: false,
  });
  assert.deepEqual(await exitSignal({ signal: "SYS", coreDumped: true }), {
    name: "SIG@openssh.com",
    coreDumped: true,
  });
});

Deno.test("EOF, status and CLOSE wait for what was written before, of both streams", async () => {
  await using server = await serve(
    "ours",
    onExec((accept) => {
      const channel = accept();
      channel.write(Buffer.alloc(500, "o"));
      channel.stderr.write(Buffer.alloc(500, "e"));
      sendEof(channel);
      sendExit(channel, { code: 0 });
      closeChannel(channel);
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession(100);
  client.request(channel, "exec", true, string("x"));
  await client.settled();
  const order = () =>
    client.received.map(({ number }) => number).filter((number) => number >= 94 && number <= 98);
  assert.deepEqual(order(), [94]);
  client.send(byte(93), uint32(channel), uint32(10_000));
  await client.settled();
  assert.deepEqual(order(), [94, 94, 95, 96, 98, 97]);
});

Deno.test("the helpers do nothing on a channel whose connection is gone", async () => {
  let channel: ServerChannel | undefined;
  await using server = await serve("ours", onExec((accept) => channel = accept()));
  const client = await new RawClient().connect(server.port).ready();
  const number = await client.openSession();
  client.request(number, "exec", true, string("x"));
  await client.take(99);
  const connection = await server.connection;
  const closed = new Promise((resolve) => connection.on("close", () => resolve(undefined)));
  await client[Symbol.asyncDispose]();
  await closed;
  sendEof(channel!);
  sendExit(channel!, { code: 0 });
  closeChannel(channel!);
});
