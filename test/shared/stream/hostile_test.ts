import assert from "node:assert/strict";
import { RecordKind } from "../../../shared/protocol/channel.ts";
import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { maxRecordBytes } from "../../../shared/protocol/limits.ts";
import { nonceBytes, tagBytes } from "../../../shared/stream/aead.ts";
import {
  clearBytes,
  FrameFlag,
  FrameType,
  innerBytes,
  type InnerHeader,
  maxPayloadBytes,
  writeClear,
  writeInner,
  writeNonce,
} from "../../../shared/stream/frame.ts";
import { LeaseLink } from "../../../shared/stream/link.ts";
import { initialWindowBytes, WindowPool } from "../../../shared/stream/window.ts";
import { chacha20Poly1305 } from "../../../shared/trust/chacha.ts";
import { VirtualTime } from "../../support/evil_bus.ts";

/** A link whose peer holds the keys and follows no rule. */
function hostilePeer(poolBytes?: number) {
  const time = new VirtualTime();
  const key = new Uint8Array(32);
  const deaths: Error[] = [];
  const link = new LeaseLink({
    side: "host",
    seal: chacha20Poly1305(key),
    unseal: chacha20Poly1305(key),
    carrier: { lend: (bytes) => ({ buffer: new Uint8Array(bytes), commit: () => {} }) },
    pool: new WindowPool(poolBytes),
    sessionTimeoutMs: 60_000,
    onDead: (cause) => void deaths.push(cause),
    ticker: time.ticker,
  });
  const aead = chacha20Poly1305(key);
  let counter = 0;
  const say = (header: Partial<InnerHeader>, payload = new Uint8Array()) => {
    const plain = new Uint8Array(innerBytes + payload.length);
    writeInner(plain, { stream: 1, type: RecordKind.data, flags: 0, pos: 0, ack: 0, credit: 0, ...header });
    plain.set(payload, innerBytes);
    const frame = new Uint8Array(clearBytes + plain.length + tagBytes);
    const nonce = new Uint8Array(nonceBytes);
    writeClear(frame, counter);
    writeNonce(nonce, counter++);
    aead.seal(nonce, frame.subarray(0, clearBytes), plain, frame.subarray(clearBytes));
    link.receive(frame);
  };
  return { time, link, deaths, say };
}

const nothing = { onRecord: () => {}, onWritable: () => {} };

const crimes: Record<string, (say: ReturnType<typeof hostilePeer>["say"]) => void> = {
  "acknowledges what was never sent": (say) => say({ type: FrameType.ack, ack: 1 }),
  "sends a kind of record nobody knows": (say) => say({ type: 9 }),
  "sends a type of frame nobody knows": (say) => say({ type: 99 }),
  "sends beyond the window": (say) => {
    const payload = new Uint8Array(maxPayloadBytes);
    for (let pos = 0; pos <= initialWindowBytes; pos += innerBytes + payload.length) say({ pos }, payload);
  },
  "goes on after the last record": (say) => {
    say({ type: RecordKind.close });
    say({ pos: innerBytes });
  },
  "never ends a message": (say) => {
    const payload = new Uint8Array(maxPayloadBytes);
    for (let pos = 0; pos <= 2 * maxRecordBytes; pos += innerBytes + payload.length) {
      say({ type: RecordKind.message, flags: FrameFlag.more, pos }, payload);
    }
  },
  "breaks a message off with data": (say) => {
    say({ type: RecordKind.message, flags: FrameFlag.more });
    say({ pos: innerBytes });
  },
};

for (const [crime, commit] of Object.entries(crimes)) {
  Deno.test(`a peer that ${crime} loses its lease, with a cause`, () => {
    const { link, deaths, say } = hostilePeer();
    link.open(1, nothing);
    commit(say);
    assert.equal(deaths.length, 1);
    assert.ok(link.dead instanceof ProtocolError, `${link.dead}`);
  });
}

Deno.test("a peer that takes nothing cannot make queues grow for ever", () => {
  const { link, deaths } = hostilePeer();
  const stream = link.open(0, nothing);
  for (let message = 0; message < 10_000 && !link.dead; message++) {
    stream.send(RecordKind.message, new Uint8Array(1_000));
  }
  assert.equal(deaths.length, 1);
  assert.equal(stream.queuedBytes, 0);
});

Deno.test("a flood of requests to resend costs little", () => {
  const { time, link, say } = hostilePeer();
  const stream = link.open(1, nothing);
  stream.send(RecordKind.data, new Uint8Array(32_000));
  const before = link.counts.sent;
  for (let request = 0; request < 10_000; request++) {
    say({ type: FrameType.nak });
    if (request % 100 === 0) time.pass(10);
  }
  const resent = link.counts.sent - before;
  assert.ok(resent > 0 && resent < 20, `${resent} frames were sent`);
  assert.equal(link.dead, null);
});

Deno.test("a flood of frames for streams that never were, or are over, changes nothing", () => {
  const { link, say } = hostilePeer();
  link.open(1, nothing).close();
  for (let id = 0; id < 1_000; id++) say({ stream: id });
  assert.equal(link.dead, null);
  assert.ok(link.counts.sent <= 2, "more than the forgotten streams were answered");
});

Deno.test("window games end nothing but the lease", () => {
  const { link, say } = hostilePeer();
  const stream = link.open(1, nothing);
  for (const credit of [0, 1, 2 ** 32 - 1]) say({ type: FrameType.ack, credit });
  say({ type: FrameType.lower });
  say({ type: FrameType.lowered, pos: 2 ** 48 - 1 });
  assert.equal(stream.room(), 0);
  assert.equal(link.dead, null);
});

Deno.test("a carrier that fails ends the link, not the process whose timer called", () => {
  const time = new VirtualTime();
  const deaths: Error[] = [];
  const link = new LeaseLink({
    side: "host",
    seal: chacha20Poly1305(new Uint8Array(32)),
    unseal: chacha20Poly1305(new Uint8Array(32)),
    carrier: {
      lend: () => {
        throw new Error("The bus is closed");
      },
    },
    pool: new WindowPool(),
    sessionTimeoutMs: 60_000,
    onDead: (cause) => void deaths.push(cause),
    ticker: time.ticker,
  });
  link.open(1, nothing).send(RecordKind.data, new Uint8Array(1));
  assert.equal(deaths[0]?.message, "The bus is closed");
});

Deno.test("a peer that gave its window back may not use it any more", () => {
  const { time, link, deaths, say } = hostilePeer(initialWindowBytes);
  const payload = new Uint8Array(16_000);
  const cost = innerBytes + payload.length;
  let reads = true;
  const first = link.open(1, {
    onWritable: () => {},
    onRecord: (_kind, data) => {
      if (reads) first.consumed(data.length);
    },
  });
  const second = link.open(2, {
    onWritable: () => {},
    onRecord: (_kind, data) => second.consumed(data.length),
  });
  const fill = (stream: number) => {
    for (let record = 0; record < 5; record++) {
      say({ stream, flags: FrameFlag.waited, pos: record * cost }, payload);
    }
  };
  fill(1);
  time.pass(11_000);
  fill(2);
  say({ stream: 1, type: FrameType.lowered, pos: 5 * cost + initialWindowBytes });
  reads = false;
  for (let record = 5; record < 9; record++) say({ pos: record * cost }, payload);
  assert.equal(deaths.length, 0);
  say({ pos: 9 * cost }, payload);
  assert.ok(deaths[0] instanceof ProtocolError);
});

Deno.test("a long message is paid for once", () => {
  const { link, deaths, say } = hostilePeer();
  const stream = link.open(1, {
    onWritable: () => {},
    onRecord: (kind, data) => {
      if (kind === RecordKind.message) stream.consumed(data.length);
    },
  });
  let pos = 0;
  const send = (type: number, flags: number, bytes: number) => {
    say({ type, flags, pos }, new Uint8Array(bytes));
    pos += innerBytes + bytes;
  };
  // Held by the application, while messages come and go.
  for (let piece = 0; piece < 3; piece++) send(RecordKind.data, 0, 16_000);
  send(RecordKind.message, FrameFlag.more, 16_000);
  send(RecordKind.message, 0, 1_000);
  send(RecordKind.data, 0, 16_000);
  assert.equal(deaths.length, 0);
  send(RecordKind.data, 0, 16_000);
  assert.ok(deaths[0] instanceof ProtocolError, "the application held more than a window");
});
