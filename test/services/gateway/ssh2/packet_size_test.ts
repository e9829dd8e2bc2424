import assert from "node:assert/strict";
import { byte, string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import { onExec, RawClient, serve } from "./kit.ts";

// What stock does with such a channel is shown in channel_flow_test.ts: it never returns.
Deno.test("a channel whose packets may hold nothing is refused, and the connection goes on", async () => {
  await using server = await serve("ours", onExec((accept) => accept().end("done")));
  await using client = await new RawClient().connect(server.port).ready();
  for (const size of [0, 1, 255]) {
    client.send(byte(90), string("session"), uint32(7), uint32(1000), uint32(size));
    const refusal = await client.take(92);
    assert.equal(refusal.uint32(), 7);
    assert.equal(refusal.uint32(), 4);
    assert.match(refusal.text(), new RegExp(`${size} bytes is too small`));
  }
  const channel = await client.openSession(1000, 256);
  client.request(channel, "exec", true, string("x"));
  const data = await client.take(94);
  data.uint32();
  assert.equal(data.text(), "done");
});
