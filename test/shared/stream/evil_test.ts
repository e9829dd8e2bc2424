import assert from "node:assert/strict";
import { RecordKind } from "../../../shared/protocol/channel.ts";
import { maxWindowBytes, WindowPool } from "../../../shared/stream/window.ts";
import { type Evil, EvilBus, honest, Random, VirtualTime } from "../../support/evil_bus.ts";
import { linkPair, receiver, sender } from "../../support/link_pair.ts";

const endMarks = [RecordKind.eof, RecordKind.message, RecordKind.close];

/** Both directions at once, two streams; everything must arrive whole, in order, and end properly. */
function duplex(seed: number, evil: Evil, bytes: number): void {
  const random = new Random(seed);
  const time = new VirtualTime();
  const bus = new EvilBus(time, random, evil);
  const { gateway, host, pools, deaths } = linkPair(time, bus);
  const upload = random.bytes(random.below(bytes));
  const download = random.bytes(random.below(bytes));
  const delayMs = random.below(3) * 5;
  const atHost = receiver(host, 1, time, delayMs);
  sender(gateway, 1, upload);
  const atGateway = receiver(gateway, 2, time, delayMs);
  sender(host, 2, download);
  time.runUntil(
    () => atHost.marks.length === 3 && atGateway.marks.length === 3 && gateway.idle && host.idle,
    600_000,
  );
  assert.deepEqual(deaths, []);
  assert.deepEqual(atHost.marks, endMarks);
  assert.deepEqual(atGateway.marks, endMarks);
  assert.ok(equal(atHost.bytes, upload), "the upload differs");
  assert.ok(equal(atGateway.bytes, download), "the download differs");
  for (const { highWater } of [atHost, atGateway]) assert.ok(highWater <= maxWindowBytes);
  gateway.close();
  host.close();
  // All windows went back.
  for (const pool of [pools.gateway, pools.host]) assert.equal(pool.freeBytes, new WindowPool().freeBytes);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

const evils: Record<string, Evil> = {
  "loses frames": { ...honest, drop: 0.1 },
  "repeats frames": { ...honest, duplicate: 0.3 },
  "reorders and delays frames": { ...honest, jitterMs: 40 },
  "alters frames": { ...honest, tamper: 0.3 },
  "replays old frames": { ...honest, replay: 0.5 },
  "splices frames of other directions": { ...honest, splice: 0.5 },
  "does all of it": { drop: 0.05, duplicate: 0.05, tamper: 0.1, replay: 0.1, splice: 0.1, jitterMs: 20 },
};

for (const [what, evil] of Object.entries(evils)) {
  Deno.test(`streams are whole and in order over a bus that ${what}`, () => {
    for (let seed = 1; seed <= 20; seed++) duplex(seed, evil, 300_000);
  });
}

Deno.test("frames of one lease mean nothing to another", () => {
  const time = new VirtualTime();
  const bus = new EvilBus(time, new Random(7), { ...honest, splice: 1 });
  const one = linkPair(time, bus);
  const two = linkPair(time, bus);
  const data = new Random(1).bytes(50_000);
  const atOne = receiver(one.host, 1, time);
  const atTwo = receiver(two.host, 1, time);
  sender(one.gateway, 1, data);
  sender(two.gateway, 1, data.toReversed());
  time.runUntil(() => atOne.marks.length === 3 && atTwo.marks.length === 3, 60_000);
  assert.ok(equal(atOne.bytes, data));
  assert.ok(equal(atTwo.bytes, data.toReversed()));
  assert.ok(two.host.counts.forged > 0, "no foreign frame was ever delivered");
  assert.deepEqual([...one.deaths, ...two.deaths], []);
});

Deno.test("an altered frame is counted as forged and changes nothing", () => {
  const time = new VirtualTime();
  const bus = new EvilBus(time, new Random(3), { ...honest, drop: 1, tamper: 1 });
  const { gateway, host, deaths } = linkPair(time, bus);
  const seen = receiver(host, 1, time);
  sender(gateway, 1, new Random(2).bytes(100_000));
  time.pass(20_000);
  assert.ok(gateway.counts.sent > 5);
  assert.equal(host.counts.forged, gateway.counts.sent);
  assert.equal(host.counts.received, 0);
  assert.equal(seen.highWater, 0);
  assert.deepEqual(deaths, []);
});

Deno.test("a replayed frame is counted and not delivered twice", () => {
  const time = new VirtualTime();
  const bus = new EvilBus(time, new Random(3), { ...honest, duplicate: 1 });
  const { gateway, host } = linkPair(time, bus);
  const data = new Random(2).bytes(100_000);
  const seen = receiver(host, 1, time);
  sender(gateway, 1, data);
  time.runUntil(() => seen.marks.length === 3 && gateway.idle, 60_000);
  time.pass(1_000);
  assert.ok(equal(seen.bytes, data));
  assert.equal(host.counts.replayed, host.counts.received);
});
