import assert from "node:assert/strict";
import { RecordKind } from "../../../shared/protocol/channel.ts";
import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { FrameType, innerBytes } from "../../../shared/stream/frame.ts";
import { ReliableStream } from "../../../shared/stream/stream.ts";
import { initialWindowBytes, WindowPool } from "../../../shared/stream/window.ts";

/** A stream whose peer is whatever the test says it is. */
function stream(onRecord: (kind: RecordKind, data: Uint8Array) => void = () => {}): ReliableStream {
  const link = {
    pool: new WindowPool(),
    probeLastMs: 4_000,
    now: () => 0,
    transmit: () => {},
    wake: () => {},
    forget: () => {},
    fail: () => {},
  };
  return new ReliableStream(1, link, { onRecord, onWritable: () => {} });
}

const header = { stream: 1, type: RecordKind.data as number, flags: 0, pos: 0, ack: 0, credit: 0 };

Deno.test("receive() refuses an acknowledgement of what was never sent", () => {
  assert.throws(() => stream().receive({ ...header, ack: 1 }, new Uint8Array(1)), ProtocolError);
});

Deno.test("receive() refuses a record beyond the window", () => {
  const within = initialWindowBytes - innerBytes;
  stream().receive(header, new Uint8Array(within));
  assert.throws(() => stream().receive(header, new Uint8Array(within + 1)), ProtocolError);
});

Deno.test("receive() refuses a kind of record it does not know", () => {
  for (const type of [0, 7, 15]) {
    assert.throws(() => stream().receive({ ...header, type }, new Uint8Array(1)), ProtocolError, `${type}`);
  }
});

Deno.test("receive() refuses a type of frame it does not know", () => {
  assert.throws(() => stream().receive({ ...header, type: 200 }, new Uint8Array()), ProtocolError);
});

Deno.test("receive() delivers a record once, however often it comes", () => {
  let delivered = 0;
  const receiving = stream((_kind, data) => void (delivered += data.length));
  for (let time = 0; time < 3; time++) receiving.receive(header, new Uint8Array(5));
  assert.equal(delivered, 5);
});

Deno.test("consumed() never gives more credit than was received", () => {
  const receiving = stream();
  receiving.consumed(1_000_000);
  assert.throws(() => receiving.receive(header, new Uint8Array(initialWindowBytes)), ProtocolError);
});

Deno.test("a peer that has forgotten the stream leaves nothing to resend", () => {
  const sending = stream();
  sending.send(RecordKind.data, new Uint8Array(10));
  assert.ok(sending.pending);
  sending.receive({ ...header, type: FrameType.gone }, new Uint8Array());
  assert.equal(sending.pending, false);
});
