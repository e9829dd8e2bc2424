import assert from "node:assert/strict";
import { PamConversation, printable } from "../../../../services/host/worker/conversation.ts";
import type { Prompt } from "../../../../shared/protocol/prompt.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A person who gives the same answer to everything, and what they were shown. */
function person(answer = "42") {
  const notices: string[] = [];
  const prompts: Prompt[] = [];
  const conversation = new PamConversation({
    notify: (text) => notices.push(text),
    ask: (prompt) => {
      prompts.push(prompt);
      return prompt.questions.map(() => bytes(answer));
    },
  });
  return { notices, prompts, conversation };
}

Deno.test("respond() passes notices on, as they are but for NUL, and in pieces that fit a record", () => {
  const { notices, conversation } = person();
  conversation.release();
  assert.deepEqual(conversation.respond([{ style: "textInfo", text: "\x1b[1mhello\0\n" }]), [null]);
  assert.deepEqual(notices, ["\x1b[1mhello\n"]);
  conversation.respond([{ style: "errorMessage", text: "x".repeat(40_000) }]);
  assert.equal(notices.slice(1).join(""), "x".repeat(40_000));
  assert.ok(notices.every((text) => text.length <= 16_384));
});

Deno.test("said keeps every notice, without control characters", () => {
  const { conversation } = person();
  conversation.respond([{ style: "textInfo", text: "one\ttab" }]);
  conversation.respond([{ style: "errorMessage", text: "two\x07\x1b[31m\x9b" }]);
  assert.equal(conversation.said, "one\ttab\ntwo[31m");
});

Deno.test("respond() puts all questions of one call at once, in order, with what was said before them", () => {
  const { conversation, prompts, notices } = person();
  conversation.respond([{ style: "textInfo", text: "Mind the gap" }]);
  const answers = conversation.respond([
    { style: "promptEchoOff", text: "Password: " },
    { style: "errorMessage", text: "between" },
    { style: "promptEchoOn", text: "Code\x1b[2J: " },
  ]);
  assert.deepEqual(answers, [bytes("42"), null, bytes("42")]);
  conversation.release();
  assert.deepEqual(prompts, [{
    instruction: "Mind the gap\nbetween",
    questions: [{ text: "Password: ", echo: false }, { text: "Code[2J: ", echo: true }],
  }]);
  assert.deepEqual(notices, [], "what a prompt has shown is not shown again");
  assert.equal(conversation.said, "");
});

Deno.test("release() gives out what no question has shown, and no more than fits a screen", () => {
  const { conversation, notices } = person();
  conversation.respond([{ style: "textInfo", text: "Your password expires tomorrow" }]);
  for (let count = 0; count < 2_000; count++) {
    conversation.respond([{ style: "textInfo", text: "x".repeat(500) }]);
  }
  assert.deepEqual(notices, []);
  conversation.release();
  assert.equal(notices[0], "Your password expires tomorrow");
  assert.equal(notices.join("").length, 65_536);
});

Deno.test("respond() throws on questions when nobody is there, and asks no more after a failure", () => {
  const question = [{ style: "promptEchoOff", text: "Password: " }] as const;
  const nobody = new PamConversation({ notify: () => assert.fail("a question is no notice") });
  assert.throws(() => nobody.respond([...question]), /nobody to ask/);
  let asked = 0;
  const gone = new PamConversation({
    notify: () => {},
    ask: () => {
      asked++;
      throw new Error("gone");
    },
  });
  for (let attempt = 0; attempt < 3; attempt++) assert.throws(() => gone.respond([...question]), /gone/);
  assert.equal(asked, 1);
});

Deno.test("printable() keeps newline, tab and letters of every script", () => {
  assert.equal(printable("a\r\n\tß 語\u0085\x7f"), "a\n\tß 語");
});
