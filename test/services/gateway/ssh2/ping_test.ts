import assert from "node:assert/strict";
import { byte, string } from "../../../../services/gateway/ssh2/messages.ts";
import { type Flavour, onExec, RawClient, serve } from "./kit.ts";

async function answers(flavour: Flavour, ...message: Uint8Array[]): Promise<RawClient["received"]> {
  await using server = await serve(flavour, onExec(() => {}));
  await using client = await new RawClient().connect(server.port).ready();
  await client.settled();
  client.received.length = 0;
  client.send(...message);
  client.send(byte(80), string("after@test"), byte(1));
  await client.take(82);
  return client.received;
}

Deno.test("a ping is answered with its own data", async () => {
  const [pong] = await answers("ours", byte(192), string("are you there"));
  assert.equal(pong?.number, 193);
  assert.equal(pong?.reader.text(), "are you there");
});

Deno.test("a message nobody knows is answered with UNIMPLEMENTED and its sequence number", async () => {
  const received = await answers("ours", byte(199), string("what"));
  assert.deepEqual(received.map(({ number }) => number), [3]);
  const sequence = received[0]!.reader.uint32();
  assert.ok(sequence > 0 && sequence < 20);
});

Deno.test("stock ssh2 still answers neither", async () => {
  assert.deepEqual(await answers("stock", byte(192), string("are you there")), []);
  assert.deepEqual(await answers("stock", byte(199), string("what")), []);
});
