import assert from "node:assert/strict";
import { DenialLog } from "../../../../services/host/dispatcher/denial_log.ts";
import type { Logger } from "../../../../shared/log.ts";

function record() {
  const lines: string[] = [];
  const log = {
    warning: (message: string, properties: { count?: number }) =>
      lines.push(properties.count ? `${properties.count} more` : message),
  } as unknown as Logger;
  return { lines, log };
}

Deno.test("DenialLog writes a burst, counts the rest, and tells the count", () => {
  const { lines, log } = record();
  {
    using denials = new DenialLog(log, 0);
    for (let count = 0; count < 1_000; count++) denials.denied("replayed", { cause: "again" }, 0);
    assert.equal(lines.length, 50);
  }
  assert.equal(lines.at(-1), "950 more");
});

Deno.test("DenialLog writes again after a while, at its pace", () => {
  const { lines, log } = record();
  using denials = new DenialLog(log, 0);
  for (let count = 0; count < 100; count++) denials.denied("expired", { cause: "late" }, 0);
  for (let count = 0; count < 100; count++) denials.denied("expired", { cause: "late" }, 3_000);
  assert.equal(lines.length, 56);
});
