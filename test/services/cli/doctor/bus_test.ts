import assert from "node:assert/strict";
import { versionFinding } from "../../../../services/cli/doctor/bus.ts";

Deno.test("versionFinding() warns of a nats-server older than 2.12.7 only", () => {
  const info = (version: string) =>
    versionFinding("nats://h:1", `INFO {"server_id":"X","version":"${version}"}`);
  for (const old of ["2.9.10", "2.12.6", "2.11.99", "1.99.99"]) {
    assert.equal(info(old)?.severity, "warning", old);
  }
  for (const good of ["2.12.7", "2.12.10", "2.13.0", "2.14.0-RC.1", "3.0.0"]) {
    assert.equal(info(good), null, good);
  }
});
