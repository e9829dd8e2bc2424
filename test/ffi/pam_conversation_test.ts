import assert from "node:assert/strict";
import { cBytes, readCString } from "../../ffi/cstring.ts";
import {
  type Conversation,
  ConversationCallback,
  type PamAnswer,
  type PamMessage,
} from "../../ffi/pam_conversation.ts";
import { spyOn } from "./spy.ts";

// Opened before anybody watches.
const { free } = Deno.dlopen("libc.so.6", { free: { parameters: ["pointer"], result: "void" } }).symbols;

/** What was in the memory that was given back to C, at that moment. */
const freed: (string | null)[] = [];
spyOn((symbol, real) =>
  symbol === "free" && real
    ? (pointer) => {
      freed.push(readCString(pointer));
      return real(pointer);
    }
    : real
);

const conv = { parameters: ["i32", "buffer", "buffer", "pointer"], result: "i32" } as const;
const PAM_CONV_ERR = 19;

const address = (bytes: Uint8Array<ArrayBuffer>) =>
  BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));

/** A conversation that answers one message after the other. */
function each(answer: (message: PamMessage) => PamAnswer): Conversation {
  return (messages) => messages.map(answer);
}

/** Calls the conversation as a C module does, and gives the answers it got. */
function converse(
  conversation: Conversation,
  messages: [style: number, text: string | Uint8Array | null][],
  count = messages.length,
) {
  using callback = new ConversationCallback(conversation);
  const call = new Deno.UnsafeFnPointer(
    Deno.UnsafePointer.create(callback.pamConv()[0]!)! as Deno.PointerObject<typeof conv>,
    conv,
  );
  const table = new BigUint64Array(new ArrayBuffer(8 * Math.max(1, messages.length)));
  const keep: unknown[] = [];
  for (const [index, [style, text]] of messages.entries()) {
    const message = new DataView(new ArrayBuffer(16));
    message.setInt32(0, style, true);
    if (text !== null) {
      const bytes = cBytes(typeof text === "string" ? new TextEncoder().encode(text) : text);
      keep.push(bytes);
      message.setBigUint64(8, address(bytes), true);
    }
    const struct = new Uint8Array(message.buffer);
    keep.push(struct);
    table[index] = address(struct);
  }
  const responses = new BigUint64Array(new ArrayBuffer(8));
  freed.length = 0;
  const code = call.call(count, new Uint8Array(table.buffer), new Uint8Array(responses.buffer), null);
  assert.equal(keep.length >= messages.length, true);
  const array = Deno.UnsafePointer.create(responses[0]!);
  const answers: (string | null)[] = [];
  if (array !== null) {
    const view = new Deno.UnsafePointerView(array);
    for (let index = 0; index < messages.length; index++) {
      const answer = view.getPointer(index * 16);
      answers.push(readCString(answer));
      assert.equal(view.getInt32(index * 16 + 8), 0, "resp_retcode");
      free(answer);
    }
    free(array);
  }
  return { code, answers, failure: callback.takeFailure() };
}

Deno.test("ConversationCallback gives each prompt its answer, in order, and notices none", () => {
  const heard: PamMessage[] = [];
  const { code, answers } = converse(
    each((message) => {
      heard.push(message);
      return message.style.startsWith("prompt") ? `answer to ${message.text}` : "not wanted";
    }),
    [[1, "Password: "], [4, "Hello"], [2, "Code: "], [3, "Beware"]],
  );
  assert.equal(code, 0);
  assert.deepEqual(answers, ["answer to Password: ", null, "answer to Code: ", null]);
  assert.deepEqual(heard, [
    { style: "promptEchoOff", text: "Password: " },
    { style: "textInfo", text: "Hello" },
    { style: "promptEchoOn", text: "Code: " },
    { style: "errorMessage", text: "Beware" },
  ]);
});

Deno.test("ConversationCallback takes 32 messages and no more, and never none", () => {
  const messages = (count: number) =>
    Array.from({ length: count }, (_, index): [number, string] => [2, `${index}`]);
  const echo = each(({ text }) => text);
  assert.deepEqual(converse(echo, messages(32)).answers, messages(32).map(([, text]) => text));
  for (const [given, count] of [[33, 33], [1, 0], [1, -1]] as const) {
    let asked = 0;
    const { code, answers } = converse(each(() => `${asked++}`), messages(given), count);
    assert.deepEqual([code, answers, asked], [PAM_CONV_ERR, [], 0]);
  }
});

Deno.test("ConversationCallback takes answers of 512 bytes, and no longer ones", () => {
  assert.deepEqual(converse(each(() => "x".repeat(512)), [[1, ""]]).answers, ["x".repeat(512)]);
  assert.equal(converse(each(() => "ä".repeat(256)), [[1, ""]]).code, 0);
  assert.equal(converse(each(() => "ä".repeat(257)), [[1, ""]]).code, PAM_CONV_ERR);
});

Deno.test("ConversationCallback wipes and frees the answers it has when a later one fails", () => {
  const failures: [() => PamAnswer, RegExp][] = [
    [() => null, /no answer/],
    [() => "with\0nul", /NUL/],
    [() => new Uint8Array(513).fill(65), /more than 512 bytes/],
  ];
  for (const [fail, reason] of failures) {
    const conversation: Conversation = () => ["a secret", "a secret", fail(), "never copied"];
    const { code, answers, failure } = converse(conversation, [[1, "a"], [2, "b"], [1, "c"], [1, "d"]]);
    assert.deepEqual([code, answers], [PAM_CONV_ERR, []]);
    assert.deepEqual(freed, ["", ""]);
    assert.match(String(failure), reason);
  }
});

Deno.test("ConversationCallback fails when the conversation throws or answers too little", () => {
  const throwing: Conversation = () => {
    throw new Error("gone");
  };
  const { code, failure } = converse(throwing, [[1, "a"]]);
  assert.deepEqual([code, String(failure)], [PAM_CONV_ERR, "Error: gone"]);
  assert.equal(converse(() => ["one"], [[1, "a"], [2, "b"]]).code, PAM_CONV_ERR);
});

Deno.test("ConversationCallback frees nothing that libpam is to free", () => {
  converse(() => ["secret"], [[1, "a"]]);
  assert.deepEqual(freed, []);
});

Deno.test("ConversationCallback fails for a style it does not know", () => {
  // PAM_RADIO_TYPE and PAM_BINARY_PROMPT, extensions of Linux-PAM.
  for (const style of [0, 5, 7]) assert.equal(converse(() => ["x"], [[style, "?"]]).code, PAM_CONV_ERR);
});

Deno.test("ConversationCallback tolerates text that is missing or not UTF-8", () => {
  const heard: string[] = [];
  const { code } = converse(
    each(({ text }) => {
      heard.push(text);
      return "";
    }),
    [[4, Uint8Array.of(0x63, 0x61, 0x66, 0xe9)], [1, null]],
  );
  assert.equal(code, 0);
  assert.deepEqual(heard, ["caf\u{fffd}", ""]);
});

Deno.test("ConversationCallback wipes bytes given as an answer once libpam has its copy", () => {
  const secret = Uint8Array.of(0x73, 0x74);
  const { code, answers } = converse(() => [secret], [[1, ""]]);
  assert.deepEqual([code, answers, secret], [0, ["st"], Uint8Array.of(0, 0)]);
  const failed = Uint8Array.of(0x73, 0x74);
  assert.equal(converse(() => [failed, null], [[1, ""], [1, ""]]).code, PAM_CONV_ERR);
  assert.deepEqual(failed, Uint8Array.of(0, 0));
});
