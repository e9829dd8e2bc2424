import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { maxControlLineBytes, maxPayloadBytes } from "../../../services/broker/limits.ts";
import { type Command, CommandParser } from "../../../services/broker/parser.ts";

const encoder = new TextEncoder();

/** Feeds `bytes` in pieces of the sizes `nextSize` gives; payloads are copied out of their views. */
function feed(parser: CommandParser, bytes: Uint8Array, nextSize: () => number): Command[] {
  const commands: Command[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = parser.space();
    assert.ok(space.length > 0);
    const piece = bytes.subarray(at, at + Math.min(Math.max(1, nextSize()), space.length));
    space.set(piece);
    parser.advance(piece.length, (command) => {
      commands.push(command.kind === "publish" ? { ...command, payload: command.payload.slice() } : command);
    });
    at += piece.length;
  }
  return commands;
}

function parse(text: string): Command[] {
  return feed(new CommandParser(), encoder.encode(text), () => text.length);
}

/** A small generator (mulberry32), so that a failure can be repeated by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % below;
  };
}

function concat(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

Deno.test("CommandParser reads every command, in any case and with any white space", () => {
  assert.deepEqual(parse("ping\r\nPoNg\r\n"), [{ kind: "ping" }, { kind: "pong" }]);
  assert.deepEqual(parse("SUB a.b 7\r\nsub\ta.b  g   8\r\nSUB x 9\n"), [
    { kind: "subscribe", subject: "a.b", queue: null, sid: "7" },
    { kind: "subscribe", subject: "a.b", queue: "g", sid: "8" },
    { kind: "subscribe", subject: "x", queue: null, sid: "9" },
  ]);
  assert.deepEqual(parse("UNSUB 7\r\nUNSUB 8 3\r\n"), [
    { kind: "unsubscribe", sid: "7", max: null },
    { kind: "unsubscribe", sid: "8", max: 3 },
  ]);
  assert.deepEqual(parse("PUB a 2\r\nhi\r\nPUB a r 0\r\n\r\nHPUB a r 3 5\r\nhhhpp\r\n"), [
    { kind: "publish", subject: "a", reply: null, headerBytes: 0, payload: encoder.encode("hi") },
    { kind: "publish", subject: "a", reply: "r", headerBytes: 0, payload: new Uint8Array(0) },
    { kind: "publish", subject: "a", reply: "r", headerBytes: 3, payload: encoder.encode("hhhpp") },
  ]);
  assert.deepEqual(parse('CONNECT {"a": 1}\r\n'), [{ kind: "connect", options: encoder.encode('{"a": 1}') }]);
});

Deno.test("CommandParser says what is broken and nothing after it", () => {
  const unknown = [{ kind: "broken", text: "Unknown Protocol Operation" }];
  for (
    const line of [
      "HELO",
      "",
      "PUB a",
      "PUB",
      "PUB a b c 1",
      "PUB a -1",
      "PUB a 1e3",
      "HPUB a 5 3",
      "HPUB a 3",
      "SUB a",
      "SUB a b c d",
      "UNSUB",
      "UNSUB 1 x",
      "MSG a 1 0",
      "SUB a\rb 1",
      "SUB a\0b 1",
    ]
  ) assert.deepEqual(parse(`${line}\r\nPING\r\n`), unknown, line);
  assert.deepEqual(parse("PUB a 2\r\nhixxPING\r\n"), unknown);
  assert.deepEqual(parse(`PUB a ${maxPayloadBytes + 1}\r\n`), [{
    kind: "broken",
    text: "Maximum Payload Violation",
  }]);
  const tooLong = [{ kind: "broken", text: "Maximum Control Line Exceeded" }];
  assert.deepEqual(parse("x".repeat(maxControlLineBytes + 1)), tooLong);
  assert.deepEqual(parse(`SUB ${"x".repeat(maxControlLineBytes)} 1\r\n`), tooLong);
});

Deno.test("CommandParser gives the same commands however the bytes are split", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const below = random(seed);
    const parts: Uint8Array[] = [];
    const expected: Command[] = [];
    for (let count = 0; count < 40; count++) {
      switch (below(4)) {
        case 0:
          parts.push(encoder.encode("PING\r\n"));
          expected.push({ kind: "ping" });
          break;
        case 1:
          parts.push(encoder.encode(`SUB s.${count}.> ${count}\r\n`));
          expected.push({ kind: "subscribe", subject: `s.${count}.>`, queue: null, sid: `${count}` });
          break;
        default: {
          const size = below(10) === 0 ? below(maxPayloadBytes + 1) : below(40_000);
          // Line ends and commands inside the payload mean nothing.
          const payload = Uint8Array.from(
            { length: size },
            (_, index) => index % 7 === 0 ? 10 : index + seed,
          );
          const headerBytes = below(2) * below(size + 1);
          const head = headerBytes > 0 ? `HPUB p r ${headerBytes} ${size}\r\n` : `PUB p r ${size}\r\n`;
          parts.push(encoder.encode(head), payload, encoder.encode("\r\n"));
          expected.push({ kind: "publish", subject: "p", reply: "r", headerBytes, payload });
        }
      }
    }
    const most = [1 + below(5), 100, 5_000, 300_000][below(4)] ?? 1;
    // Byte by byte through megabytes tests nothing more.
    const bytes = concat(parts);
    const sizes = bytes.length > 300_000 ? Math.max(most, 1_000) : most;
    const got = feed(new CommandParser(), bytes, () => 1 + below(sizes));
    assert.equal(got.length, expected.length, `seed ${seed}`);
    for (const [index, command] of got.entries()) {
      const wanted = expected[index];
      if (command.kind === "publish" && wanted?.kind === "publish") {
        assert.equal(Buffer.compare(command.payload, wanted.payload), 0, `seed ${seed}`);
        assert.deepEqual({ ...command, payload: 0 }, { ...wanted, payload: 0 }, `seed ${seed}`);
      } else assert.deepEqual(command, wanted, `seed ${seed}`);
    }
  }
});

Deno.test("CommandParser never throws on garbage and stays quiet once broken", () => {
  const words = [
    "PUB ",
    "HPUB ",
    "SUB ",
    "UNSUB ",
    "CONNECT ",
    "a ",
    "1 ",
    "99 ",
    "\r\n",
    "\n",
    "\0",
    "é",
    " ",
  ];
  for (let seed = 1; seed <= 2_000; seed++) {
    const below = random(seed);
    const garbage = concat(Array.from({ length: 1 + below(60) }, () => {
      const word = words[below(words.length)] ?? "";
      return below(5) === 0 ? Uint8Array.from({ length: below(40) }, () => below(256)) : encoder.encode(word);
    }));
    const got = feed(new CommandParser(), garbage, () => 1 + below(30));
    const broken = got.findIndex(({ kind }) => kind === "broken");
    assert.ok(broken < 0 || broken === got.length - 1, `seed ${seed}`);
  }
});

Deno.test("CommandParser holds no more than one message needs", () => {
  const parser = new CommandParser();
  const message = concat([
    encoder.encode("PUB p 1048576\r\n"),
    new Uint8Array(maxPayloadBytes),
    encoder.encode("\r\n"),
  ]);
  for (let round = 0; round < 20; round++) {
    feed(parser, message, () => 100_000);
    assert.ok(parser.space().buffer.byteLength <= 2 * maxPayloadBytes);
  }
  // Small messages give the room back.
  const small = encoder.encode(`PUB p 30000\r\n${"x".repeat(30_000)}\r\n`);
  for (let round = 0; round < 2_000; round++) feed(parser, small, () => 7_001);
  assert.ok(parser.space().buffer.byteLength <= 262_144);
});
