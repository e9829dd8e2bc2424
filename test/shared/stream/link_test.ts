import assert from "node:assert/strict";
import { RecordKind } from "../../../shared/protocol/channel.ts";
import { maxRecordBytes } from "../../../shared/protocol/limits.ts";
import { maxPayloadBytes } from "../../../shared/stream/frame.ts";
import { initialWindowBytes, maxWindowBytes } from "../../../shared/stream/window.ts";
import { EvilBus, honest, Random, VirtualTime } from "../../support/evil_bus.ts";
import { linkPair, type LinkPairOptions, receiver, sender } from "../../support/link_pair.ts";

function honestPair(options: LinkPairOptions = {}) {
  const time = new VirtualTime();
  const bus = new EvilBus(time, new Random(1), honest);
  return { time, bus, ...linkPair(time, bus, options) };
}

const nothing = { onRecord: () => {}, onWritable: () => {} };

Deno.test("a reader that stops stops the sender at its window", () => {
  const { time, gateway, host } = honestPair();
  let delivered = 0;
  host.open(1, { onRecord: (_kind, data) => void (delivered += data.length), onWritable: () => {} });
  sender(gateway, 1, new Uint8Array(10 * initialWindowBytes));
  time.pass(20_000);
  assert.ok(delivered > 0 && delivered <= initialWindowBytes, `${delivered} bytes were delivered`);
});

Deno.test("a window grows with use and never beyond its bound", () => {
  const { time, gateway, host } = honestPair();
  let held = 0;
  let highWater = 0;
  let total = 0;
  const stream = host.open(1, {
    onWritable: () => {},
    onRecord: (_kind, data) => {
      const bytes = data.length;
      total += bytes;
      highWater = Math.max(highWater, held += bytes);
      time.after(40, () => {
        held -= bytes;
        stream.consumed(bytes);
      });
    },
  });
  const bytes = 64 * 1024 * 1024;
  sender(gateway, 1, new Uint8Array(bytes));
  time.runUntil(() => total >= bytes, 60_000);
  assert.ok(highWater > 4 * initialWindowBytes, `the window held ${highWater} bytes at most`);
  assert.ok(highWater <= maxWindowBytes, `the window held ${highWater} bytes`);
});

Deno.test("what was sent into an outage arrives when the bus is back", () => {
  const { time, bus, gateway, host } = honestPair();
  const data = new Random(9).bytes(200_000);
  const seen = receiver(host, 1, time);
  bus.cut = true;
  for (const link of [gateway, host]) link.suspended(true);
  sender(gateway, 1, data);
  time.pass(50_000);
  bus.cut = false;
  for (const link of [gateway, host]) link.reconnected();
  time.runUntil(() => seen.marks.length === 3, 10_000);
  assert.deepEqual(seen.bytes, data);
});

Deno.test("a peer that stays silent with data outstanding is given up after the session timeout", () => {
  const { time, bus, gateway, deaths } = honestPair({ sessionTimeoutMs: 30_000 });
  bus.cut = true;
  sender(gateway, 1, new Uint8Array(10));
  time.pass(29_000);
  assert.equal(deaths.length, 0);
  time.runUntil(() => deaths.length > 0, 10_000);
  assert.equal(gateway.dead, deaths[0]);
});

Deno.test("a bus that stays away for the session timeout ends the link, even one with nothing to say", () => {
  const { time, bus, gateway, host, deaths } = honestPair({ sessionTimeoutMs: 30_000 });
  bus.cut = true;
  sender(gateway, 1, new Uint8Array(10));
  for (const link of [gateway, host]) link.suspended(true);
  time.pass(20_000);
  // Told twice that it is away is away once.
  for (const link of [gateway, host]) link.suspended(true);
  time.pass(9_000);
  assert.equal(deaths.length, 0);
  time.pass(2_000);
  assert.equal(deaths.length, 2);
  assert.ok(gateway.dead !== null && host.dead !== null);
});

Deno.test("a peer that was never heard is given up after the contact timeout, one that was after the other", () => {
  const timeouts = { sessionTimeoutMs: 30_000, contactTimeoutMs: 10_000 };
  const unheard = honestPair(timeouts);
  unheard.bus.cut = true;
  sender(unheard.gateway, 1, new Uint8Array(10));
  unheard.time.pass(9_000);
  assert.equal(unheard.deaths.length, 0);
  unheard.time.pass(4_000);
  assert.equal(unheard.deaths.length, 1);

  const { time, bus, gateway, host, deaths } = honestPair(timeouts);
  const seen = receiver(host, 1, time);
  sender(gateway, 1, new Uint8Array(10));
  time.runUntil(() => seen.marks.length === 3 && gateway.idle, 10_000);
  bus.cut = true;
  sender(gateway, 2, new Uint8Array(10));
  time.pass(28_000);
  assert.deepEqual(deaths, []);
});

Deno.test("an idle link sends nothing and is not given up", () => {
  const { time, gateway, host, deaths } = honestPair({ sessionTimeoutMs: 30_000 });
  const seen = receiver(host, 1, time);
  sender(gateway, 1, new Uint8Array(10));
  time.runUntil(() => seen.marks.length === 3 && gateway.idle, 10_000);
  const before = gateway.counts.sent + host.counts.sent;
  time.pass(3_600_000);
  assert.equal(gateway.counts.sent + host.counts.sent, before);
  assert.deepEqual(deaths, []);
});

Deno.test("an echo costs one frame each way", () => {
  const { time, gateway, host } = honestPair();
  let echoes = 0;
  const up = gateway.open(1, {
    onWritable: () => {},
    onRecord: (_kind, data) => {
      echoes++;
      up.consumed(data.length);
    },
  });
  const down = host.open(1, {
    onWritable: () => {},
    onRecord: (kind, data) => {
      down.send(kind, data);
      down.consumed(data.length);
    },
  });
  for (let key = 1; key <= 100; key++) {
    up.send(RecordKind.data, Uint8Array.of(key));
    time.runUntil(() => echoes === key, 1_000);
  }
  assert.equal(gateway.counts.sent, 100);
  assert.equal(host.counts.sent, 100);
});

Deno.test("send() queues behind the window, in order, and finished() waits for it", async () => {
  const { time, gateway, host } = honestPair();
  const sent = gateway.open(1, nothing);
  const first = new Uint8Array(initialWindowBytes - 100);
  sent.send(RecordKind.data, first);
  sent.send(RecordKind.message, new Uint8Array(50));
  sent.send(RecordKind.close, new Uint8Array());
  assert.ok(sent.queuedBytes > 0);
  let finished = false;
  const waiting = gateway.finished().then(() => finished = true);
  const seen = receiver(host, 1, time, 5);
  time.runUntil(() => seen.marks.length === 2, 10_000);
  assert.deepEqual(seen.marks, [RecordKind.message, RecordKind.close]);
  assert.deepEqual(seen.bytes, first);
  time.runUntil(() => gateway.idle, 10_000);
  await waiting;
  assert.ok(finished);
});

Deno.test("fill() never hands out more than there is room for, nor more than a frame", () => {
  const { gateway } = honestPair();
  const stream = gateway.open(1, nothing);
  const sizes: number[] = [];
  while (stream.room() > 0) {
    const room = stream.room();
    stream.fill(RecordKind.data, 1_000_000, (buffer) => {
      sizes.push(buffer.length);
      assert.ok(buffer.length <= Math.min(room, maxPayloadBytes));
      return buffer.length;
    });
  }
  assert.ok(sizes.length > 1);
});

Deno.test("frames for a stream that is not open yet are sent again, not lost", () => {
  const { time, gateway, host } = honestPair();
  const data = new Random(4).bytes(10_000);
  sender(gateway, 1, data);
  time.pass(100);
  const seen = receiver(host, 1, time);
  time.runUntil(() => seen.marks.length === 3, 10_000);
  assert.deepEqual(seen.bytes, data);
});

Deno.test("a sender to a stream the peer has closed stops sending", () => {
  const { time, gateway, host, deaths } = honestPair();
  const stream = host.open(1, nothing);
  stream.close();
  sender(gateway, 1, new Uint8Array(1_000_000));
  time.runUntil(() => gateway.idle, 60_000);
  assert.deepEqual(deaths, []);
});

Deno.test("close() is idempotent and silences a link", () => {
  const { time, gateway, host, deaths } = honestPair();
  sender(gateway, 1, new Uint8Array(10));
  gateway.close();
  gateway.close();
  host.close();
  const sent = gateway.counts.sent;
  time.pass(120_000);
  assert.equal(gateway.counts.sent, sent);
  assert.deepEqual(deaths, []);
});

Deno.test("open() refuses a number twice", () => {
  const { gateway } = honestPair();
  gateway.open(1, nothing);
  assert.throws(() => gateway.open(1, nothing), TypeError);
});

Deno.test("a message longer than a frame, and than the first window, arrives whole", () => {
  const { time, gateway, host, deaths } = honestPair();
  const messages: Uint8Array[] = [];
  const receiving = host.open(0, {
    onWritable: () => {},
    onRecord: (_kind, data) => {
      messages.push(data.slice());
      receiving.consumed(data.length);
    },
  });
  const sent = [33_000, 10, maxRecordBytes].map((length) => new Random(length).bytes(length));
  const sending = gateway.open(0, nothing);
  for (const message of sent) sending.send(RecordKind.message, message);
  time.runUntil(() => messages.length === sent.length, 10_000);
  assert.deepEqual(messages, sent);
  assert.deepEqual(deaths, []);
});

Deno.test("a peer that stays silent while we wait for its window is given up as well", () => {
  const { time, bus, gateway, host, deaths } = honestPair({ sessionTimeoutMs: 30_000 });
  host.open(1, nothing);
  sender(gateway, 1, new Uint8Array(10 * initialWindowBytes));
  time.pass(120_000);
  assert.deepEqual(deaths, [], "a reader that only does not read is alive");
  assert.ok(gateway.idle);
  bus.cut = true;
  time.runUntil(() => deaths.length > 0, 40_000);
});

Deno.test("a window grows over any round trip", () => {
  const time = new VirtualTime();
  const bus = new EvilBus(time, new Random(1), honest);
  bus.latencyMs = 400;
  const { gateway, host, pools } = linkPair(time, bus);
  const free = pools.host.freeBytes;
  const seen = receiver(host, 1, time);
  sender(gateway, 1, new Uint8Array(4 * 1024 * 1024));
  time.runUntil(() => seen.marks.length === 3, 60_000);
  assert.equal(pools.host.freeBytes, free - (maxWindowBytes - initialWindowBytes));
  assert.ok(time.now() < 15_000, `it took ${time.now()} ms`);
});

Deno.test("a window does not grow for an application that is slow itself", () => {
  const { time, gateway, host, pools } = honestPair();
  const free = pools.host.freeBytes;
  const held: number[] = [];
  const stream = host.open(1, {
    onWritable: () => {},
    onRecord: (_kind, data) => void held.push(data.length),
  });
  const stop = time.every(20, () => stream.consumed(held.shift() ?? 0));
  sender(gateway, 1, new Uint8Array(2 * 1024 * 1024));
  time.runUntil(() => gateway.idle, 60_000);
  stop();
  assert.equal(pools.host.freeBytes, free);
});

Deno.test("an exhausted pool takes back the windows of idle streams, and those go on working", () => {
  const time = new VirtualTime();
  const bus = new EvilBus(time, new Random(1), honest);
  bus.latencyMs = 5;
  const { gateway, host, pools } = linkPair(time, bus, { poolBytes: maxWindowBytes });
  const received = [0, 0];
  const streams = received.map((_bytes, index) => {
    const receiving = host.open(index, {
      onWritable: () => {},
      onRecord: (_kind, data) => {
        received[index]! += data.length;
        receiving.consumed(data.length);
      },
    });
    let left = 0;
    const pump = () => {
      while (left > 0) {
        const sent = sending.fill(RecordKind.data, left, (buffer) => buffer.length);
        if (sent === 0) return;
        left -= sent;
      }
    };
    const sending = gateway.open(index, { onRecord: () => {}, onWritable: pump });
    return (bytes: number) => {
      left += bytes;
      const total = received[index]! + bytes;
      pump();
      time.runUntil(() => received[index]! === total, 60_000);
    };
  });
  const bytes = 16 * 1024 * 1024;
  const grown = maxWindowBytes - (maxWindowBytes - initialWindowBytes);
  streams[0]!(bytes);
  assert.equal(pools.host.freeBytes, grown);
  streams[1]!(bytes);
  const whileBusy = pools.host.freeBytes;
  time.pass(15_000);
  streams[1]!(bytes);
  time.pass(2_000);
  streams[1]!(bytes);
  assert.equal(whileBusy, 0, "the second took what was left, and no more");
  assert.equal(pools.host.freeBytes, grown, "the second has grown in place of the first");
  streams[0]!(bytes);
  host.close();
  assert.equal(pools.host.freeBytes, maxWindowBytes);
});

Deno.test("a single lost frame is sent again at once, not after a timeout", () => {
  const { time, bus, gateway, host } = honestPair();
  const received: number[] = [];
  host.open(1, { onRecord: (_kind, data) => void received.push(data[0]!), onWritable: () => {} });
  const stream = gateway.open(1, nothing);
  for (const number of [1, 2, 3]) {
    bus.cut = number === 2;
    stream.send(RecordKind.data, Uint8Array.of(number));
  }
  time.pass(10);
  assert.deepEqual(received, [1, 2, 3]);
});

Deno.test("a reader that only does not read is alive however short the session timeout", () => {
  const { time, gateway, host, deaths } = honestPair({ sessionTimeoutMs: 3_000 });
  host.open(1, nothing);
  sender(gateway, 1, new Uint8Array(10 * initialWindowBytes));
  time.pass(120_000);
  assert.deepEqual(deaths, []);
});
