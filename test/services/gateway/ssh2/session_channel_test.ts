import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { byte, string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import { closeChannel, sendExit } from "../../../../services/gateway/ssh2/mod.ts";
import { type Flavour, onExec, RawClient, serve, ssh } from "./kit.ts";

/** Accepts only when data and EOF have come; returns what the channel then has. */
async function acceptAfterEof(flavour: Flavour): Promise<string | undefined> {
  const result = Promise.withResolvers<string | undefined>();
  await using server = await serve(
    flavour,
    onExec((accept, _command, session) => {
      session.once("eof", async () => {
        const channel = accept() as ServerChannel | undefined;
        if (!channel) return result.resolve(undefined);
        const chunks: Buffer[] = [];
        for await (const chunk of channel) chunks.push(chunk);
        result.resolve(Buffer.concat(chunks).toString());
      });
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, string("cat"));
  client.send(byte(94), uint32(channel), string("one "));
  client.send(byte(94), uint32(channel), string("two"));
  client.send(byte(96), uint32(channel));
  return await result.promise;
}

Deno.test("accept() after data and EOF gives a channel that has both", async () => {
  assert.equal(await acceptAfterEof("ours"), "one two");
});

Deno.test("stock ssh2 still has no channel after EOF", async () => {
  assert.equal(await acceptAfterEof("stock"), undefined);
});

Deno.test("an exec that is accepted late does not hang OpenSSH with an empty stdin", async () => {
  await using server = await serve(
    "ours",
    onExec((accept, _command, session) => {
      session.once("eof", () => {
        const channel = accept();
        sendExit(channel, { code: 5 });
        closeChannel(channel);
      });
    }),
  );
  const { code } = await ssh(server.port, ["cat"]);
  assert.equal(code, 5);
});

/** The client closes while the server does not read; does the server's channel hear of it? */
async function hearsClose(flavour: Flavour): Promise<boolean> {
  const closed = Promise.withResolvers<boolean>();
  await using server = await serve(
    flavour,
    onExec((accept) => {
      const channel = accept();
      channel.pause();
      channel.on("close", () => closed.resolve(true));
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, string("cat"));
  client.send(byte(94), uint32(channel), string("unread"));
  client.send(byte(97), uint32(channel));
  await client.take(97);
  await client.settled();
  // 'close' is due in the turn after the packet; a timer of the same turn comes after it
  setTimeout(() => closed.resolve(false), 20);
  return await closed.promise;
}

Deno.test("a channel that is not being read hears that the client has closed it", async () => {
  assert.equal(await hearsClose("ours"), true);
});

Deno.test("stock ssh2 still keeps the close from a paused channel", async () => {
  assert.equal(await hearsClose("stock"), false);
});

Deno.test("data, end and close come in this order to who reads", async () => {
  const events: string[] = [];
  const done = Promise.withResolvers<void>();
  await using server = await serve(
    "ours",
    onExec((accept) => {
      const channel = accept();
      channel.on("data", (chunk: Buffer) => events.push(chunk.toString()));
      channel.on("end", () => events.push("end"));
      channel.on("close", () => {
        events.push("close");
        done.resolve();
      });
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, string("cat"));
  client.send(byte(94), uint32(channel), string("data"));
  client.send(byte(97), uint32(channel));
  await done.promise;
  assert.deepEqual(events, ["data", "end", "close"]);
});

/** Closes a session that never started; is it answered? */
async function closesUnstarted(flavour: Flavour): Promise<boolean> {
  await using server = await serve(flavour, onExec(() => {}));
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.send(byte(97), uint32(channel));
  await client.settled();
  return client.received.some(({ number }) => number === 97);
}

Deno.test("closing a session before it has started is answered", async () => {
  assert.equal(await closesUnstarted("ours"), true);
});

Deno.test("stock ssh2 still does not answer it", async () => {
  assert.equal(await closesUnstarted("stock"), false);
});

/** A client that takes no notice of its window; how much does the server take? */
async function overfill(flavour: Flavour): Promise<{ errors: string[]; window: number }> {
  let channel: ServerChannel | undefined;
  await using server = await serve(
    flavour,
    onExec((accept) => {
      channel = accept();
      channel.pause();
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const number = await client.openSession();
  client.request(number, "exec", true, string("cat"));
  await client.take(99);
  const chunk = string(Buffer.alloc(32_000));
  for (let sent = 0; sent < 6 * 1024 * 1024; sent += 32_000) client.send(byte(94), uint32(number), chunk);
  await Promise.race([client.settled(), client.closed]).catch(() => {});
  return {
    errors: server.errors,
    window: (channel as unknown as { incoming: { window: number } }).incoming.window,
  };
}

Deno.test("a client that ignores its window is disconnected", async () => {
  const { errors, window } = await overfill("ours");
  assert.deepEqual(errors, ["The client sent more than its window allows"]);
  assert.ok(window > -300_000);
});

Deno.test("stock ssh2 still takes whatever comes", async () => {
  const { errors, window } = await overfill("stock");
  assert.deepEqual(errors, []);
  assert.ok(window < -1_000_000);
});

Deno.test("losing the connection closes every channel and session, read or not", async () => {
  const events: string[] = [];
  await using server = await serve("ours", (connection) => {
    connection.on("session", (accept) => {
      const session = accept();
      session.on("close", () => events.push("session"));
      session.on("exec", (accept) => {
        const channel = accept();
        channel.pause();
        channel.on("close", () => events.push("channel"));
        channel.write(Buffer.alloc(1000), () => events.push("write"));
      });
    });
  });
  const connection = await (async () => {
    await using client = await new RawClient().connect(server.port).ready();
    const channel = await client.openSession(10);
    await client.openSession();
    client.request(channel, "exec", true, string("cat"));
    await client.take(94);
    return await server.connection;
  })();
  await once(connection, "close");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(events.toSorted(), ["channel", "session", "session", "write"]);
});

Deno.test("writing to a channel that has closed harms nobody", async () => {
  const written = Promise.withResolvers<void>();
  await using server = await serve(
    "ours",
    onExec((accept) => {
      const channel = accept();
      channel.on("close", () => {
        channel.write("late");
        channel.stderr.write("late", () => written.resolve());
      });
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, string("cat"));
  client.send(byte(97), uint32(channel));
  await written.promise;
  await client.settled();
});
