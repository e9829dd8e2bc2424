import assert from "node:assert/strict";
import { PamConversation, printable } from "../../../../services/host/worker/conversation.ts";

Deno.test("respond() passes notices on at once, as they are but for NUL, and in pieces that fit a record", () => {
  const notices: string[] = [];
  const conversation = new PamConversation((text) => notices.push(text));
  assert.equal(conversation.respond({ style: "textInfo", text: "\x1b[1mhello\0\n" }), null);
  assert.deepEqual(notices, ["\x1b[1mhello\n"]);
  conversation.respond({ style: "errorMessage", text: "x".repeat(40_000) });
  assert.equal(notices.slice(1).join(""), "x".repeat(40_000));
  assert.ok(notices.every((text) => text.length <= 16_384));
});

Deno.test("said keeps every notice, without control characters", () => {
  const conversation = new PamConversation(() => {});
  conversation.respond({ style: "textInfo", text: "one\ttab" });
  conversation.respond({ style: "errorMessage", text: "two\x07\x1b[31m\x9b" });
  assert.equal(conversation.said, "one\ttab\ntwo[31m");
});

Deno.test("respond() throws on prompts", () => {
  const conversation = new PamConversation(() => assert.fail("a prompt is no notice"));
  for (const style of ["promptEchoOff", "promptEchoOn"] as const) {
    assert.throws(() => conversation.respond({ style, text: "Password: " }), /Cannot answer a PAM prompt/);
  }
});

Deno.test("printable() keeps newline, tab and letters of every script", () => {
  assert.equal(printable("a\r\n\tß 語\u0085\x7f"), "a\n\tß 語");
});
