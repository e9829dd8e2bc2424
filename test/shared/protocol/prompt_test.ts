import assert from "node:assert/strict";
import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { decodeHostMessage } from "../../../shared/protocol/channel.ts";
import { decodeResponses, encodeResponses } from "../../../shared/protocol/prompt.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("decodeResponses() gives back what encodeResponses() took, of any bytes but NUL", () => {
  for (const responses of [[], [bytes("")], [bytes("a"), bytes("x".repeat(512)), Uint8Array.of(255, 254)]]) {
    assert.deepEqual(decodeResponses(encodeResponses(responses), responses.length), responses);
  }
});

Deno.test("encodeResponses() does not tell how long a password is", () => {
  const lengths = ["", "42", "correct horse battery staple"].map((text) =>
    encodeResponses([bytes(text)]).length
  );
  assert.deepEqual(lengths, [128, 128, 128]);
});

Deno.test("decodeResponses() refuses another number, longer ones, NUL, and what is cut or left over", () => {
  const record = encodeResponses([bytes("one"), bytes("two")]);
  const bad: [record: Uint8Array, count: number][] = [
    [record, 1],
    [record, 3],
    [record.subarray(0, 8), 2],
    [Uint8Array.of(...record, 1), 2],
    [encodeResponses([bytes("x".repeat(513))]), 1],
    [encodeResponses([bytes("a\0b")]), 1],
    [Uint8Array.of(255, 255), 1],
  ];
  for (const [record, count] of bad) assert.throws(() => decodeResponses(record, count), ProtocolError);
});

Deno.test("a lease.prompt has at most 32 questions of at most 512 characters", () => {
  const decode = (questions: unknown[]) =>
    decodeHostMessage(
      bytes(JSON.stringify({ type: "lease.prompt", prompt: { instruction: "", questions } })),
    );
  const question = { text: "x".repeat(512), echo: true };
  assert.ok(decode(Array(32).fill(question)));
  for (
    const questions of [Array(33).fill(question), [{ ...question, text: "x".repeat(513) }], [{ text: "x" }]]
  ) {
    assert.throws(() => decode(questions), ProtocolError);
  }
});
