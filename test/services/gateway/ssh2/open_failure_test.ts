import assert from "node:assert/strict";
import { byte, string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import { OpenFailure, rejectSession } from "../../../../services/gateway/ssh2/mod.ts";
import { type Flavour, RawClient, serve, ssh } from "./kit.ts";

const sentence = "Too many sessions on this connection; close one";

async function refuse(flavour: Flavour): Promise<{ reason: number; description: string }> {
  await using server = await serve(flavour, (connection) => {
    connection.on("session", (_accept, reject) => rejectSession(reject, sentence));
  });
  await using client = await new RawClient().connect(server.port).ready();
  client.send(byte(90), string("session"), uint32(3), uint32(1000), uint32(1000));
  const refusal = await client.take(92);
  assert.equal(refusal.uint32(), 3);
  return { reason: refusal.uint32(), description: refusal.text() };
}

Deno.test("rejectSession() gives the client reason and sentence", async () => {
  assert.deepEqual(await refuse("ours"), {
    reason: OpenFailure.administrativelyProhibited,
    description: sentence,
  });
});

Deno.test("stock reject() still says nothing", async () => {
  assert.deepEqual(await refuse("stock"), { reason: OpenFailure.connectFailed, description: "" });
});

Deno.test("OpenSSH shows the sentence to the person", async () => {
  await using server = await serve("ours", (connection) => {
    connection.on(
      "session",
      (_accept, reject) => rejectSession(reject, sentence, OpenFailure.resourceShortage),
    );
  });
  const { code, stderr } = await ssh(server.port, ["true"]);
  assert.equal(code, 255);
  assert.match(stderr, new RegExp(sentence));
});

Deno.test("a client cannot pile up channels without end", async () => {
  await using server = await serve("ours", (connection) => connection.on("session", (accept) => accept()));
  await using client = await new RawClient().connect(server.port).ready();
  for (let index = 0; index < 300; index++) {
    client.send(byte(90), string("session"), uint32(index), uint32(1000), uint32(1000));
  }
  await client.settled();
  assert.equal(client.received.filter(({ number }) => number === 91).length, 256);
  assert.equal(client.received.filter(({ number }) => number === 92).length, 44);
});
