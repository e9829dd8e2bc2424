import assert from "node:assert/strict";
import { OutputRing } from "../../../../services/host/dispatcher/output_ring.ts";
import { replayOf } from "../../../../services/host/dispatcher/replay.ts";

function replayed(...parts: string[]): string {
  const ring = new OutputRing();
  for (const part of parts) ring.push(new TextEncoder().encode(part));
  return new TextDecoder().decode(replayOf(ring));
}

Deno.test("replayOf() leaves questions to the terminal out, and nothing else", () => {
  const questions = [
    ...["\x05", "\x1b[c", "\x1b[0c", "\x1b[>c", "\x1b[>0;1c", "\x1b[=c", "\x1b[5n", "\x1b[6n", "\x1b[?6n"],
    ...["\x1b[?2026$p", "\x1b[14t", "\x1b[18;2t", "\x1b[21t", "\x1b[>q", "\x1b[>0q", "\x1b[?u"],
    ...["\x1b]11;?\x07", "\x1b]4;1;?\x1b\\", "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\"],
  ];
  for (const question of questions) {
    assert.equal(replayed(`a${question}b`), "ab", JSON.stringify(question));
  }
  const shown = [
    ...["\x1b[1;31m", "\x1b[?1049h", "\x1b[2J", "\x1b[6C", "\x1b[22;0;0t", "\x1b[8;24;80t", "\x1b[4 q"],
    ...["\x1b]0;title?\x07", "\x1b]11;#000000\x07", "\x1b(0", "\x1b[!p", "é世界", "?c", "\r\n"],
  ];
  for (const output of shown) assert.equal(replayed(`a${output}b`), `a${output}b`, JSON.stringify(output));
});

Deno.test("replayOf() begins with a line when the beginning has been lost", () => {
  assert.equal(replayed("whole\r\n"), "whole\r\n");
  const lines = Array.from({ length: 30_000 }, (_, number) => `line ${number}\r\n`).join("");
  assert.match(replayed(lines), /^line \d+\r\n/);
  assert.ok(replayed(lines).endsWith("line 29999\r\n"));
});

Deno.test("replayOf() keeps every byte that is no question", () => {
  const ring = new OutputRing();
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value).filter((value) => value !== 5);
  ring.push(bytes);
  assert.deepEqual(replayOf(ring), bytes);
});
