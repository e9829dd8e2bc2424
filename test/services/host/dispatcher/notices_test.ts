import assert from "node:assert/strict";
import { Notices } from "../../../../services/host/dispatcher/notices.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("Notices.take() gives all of them once, with a terminal's line ends", () => {
  const notices = new Notices();
  notices.add("Welcome\nto the host\n");
  notices.add("Last login: never");
  notices.add("already\r\nright\r\n");
  assert.equal(
    text(notices.take("\r\n")),
    "Welcome\r\nto the host\r\nLast login: never\r\nalready\r\nright\r\n",
  );
  assert.equal(text(notices.take("\r\n")), "");
});

Deno.test("Notices.take() gives plain lines to a shell without a terminal", () => {
  const notices = new Notices();
  notices.add("Welcome\r\nto the host");
  assert.equal(text(notices.take("\n")), "Welcome\nto the host\n");
});

Deno.test("Notices cuts off a module that talks without end", () => {
  const notices = new Notices();
  for (let line = 0; line < 10_000; line++) notices.add("x".repeat(1_000));
  assert.equal(notices.take("\r\n").length, 32_768);
});
