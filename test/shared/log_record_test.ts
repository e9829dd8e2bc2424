import assert from "node:assert/strict";
import { formatRecord, type LogRecord } from "../../shared/log_record.ts";

function record(changes: Partial<LogRecord>): LogRecord {
  return {
    at: new Date("2026-01-02T03:04:05.678Z"),
    level: "info",
    service: "gateway",
    message: "Listening",
    properties: {},
    ...changes,
  };
}

Deno.test("formatRecord() fills placeholders and appends the other properties when human", () => {
  const line = formatRecord(
    record({
      message: "Listening on {address}:{port}",
      properties: { address: "::1", port: 2222, backlog: 9 },
    }),
    "human",
  );
  assert.equal(line, "2026-01-02 03:04:05 info    gateway    Listening on ::1:2222 backlog=9");
});

Deno.test("formatRecord() gives one JSON object with the time, level, service and properties", () => {
  const line = formatRecord(record({ message: "{n} of {m}", properties: { n: 1, big: 2n } }), "json");
  assert.deepEqual(JSON.parse(line), {
    at: "2026-01-02T03:04:05.678Z",
    level: "info",
    service: "gateway",
    message: "1 of {m}",
    properties: { n: 1, big: "2" },
  });
});

Deno.test("formatRecord() never writes a value named like a secret, however deep and in either format", () => {
  const properties = {
    password: "hunter2",
    bus: { nkeySeed: "hunter2", list: [{ private_key: "hunter2" }] },
    cause: new Error("outer", { cause: new Error("inner") }),
  };
  for (const format of ["human", "json"] as const) {
    const line = formatRecord(record({ message: "With {password}", properties }), format);
    assert.ok(!line.includes("hunter2"), line);
    assert.ok(line.includes("(hidden)") && line.includes("outer: Error: inner"), line);
  }
});

Deno.test("formatRecord() keeps a hostile login on one line and off the terminal", () => {
  const properties = { login: "eve\n\x1b[2Jroot\u202e" };
  for (const format of ["human", "json"] as const) {
    const line = formatRecord(record({ message: "Denied {login}", properties }), format);
    // deno-lint-ignore no-control-regex
    assert.ok(!/[\n\x1b]/.test(line), line);
  }
});

Deno.test("formatRecord() survives a property that contains itself", () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  assert.ok(formatRecord(record({ properties: { loop } }), "json").includes("…"));
});
