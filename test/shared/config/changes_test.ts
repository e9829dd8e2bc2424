import assert from "node:assert/strict";
import { changesForRestart } from "../../../shared/config/changes.ts";
import { parseConfig } from "../../../shared/config/load.ts";

Deno.test("changesForRestart() names every key that differs, but not what is read again at SIGHUP", () => {
  const before = parseConfig("roles: {r: {logins: [a]}}\nlog: {level: info}", "f");
  const after = parseConfig(
    "roles: {r: {logins: [b]}}\nlog: {level: debug}\nbus: {servers: ['nats://127.0.0.1:4223']}\npam_logins: {a: [r]}",
    "f",
  );
  assert.deepEqual(changesForRestart(before, after).sort(), ["bus.servers", "log.level"]);
  assert.deepEqual(changesForRestart(before, before), []);
});
