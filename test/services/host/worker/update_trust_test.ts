/** Root verifies a list of revoked members itself: what the dispatcher says of it counts for nothing. */

import assert from "node:assert/strict";
import { createFleetKey } from "../../../../shared/trust/identity.ts";
import { newLogin } from "../../../support/logins.ts";
import { Bench } from "./worker_kit.ts";

/** Lets a worker have `list`. @returns Its complaint, if any */
function update(bench: Bench, list: string): string | null {
  using worker = bench.start();
  worker.update(list);
  const reply = worker.next();
  worker.waitForEnd();
  return reply?.type === "lease.denied" ? reply.problem : null;
}

/** What a worker says to the gateway's request. */
function ask(bench: Bench): string | undefined {
  using worker = bench.start();
  worker.open(newLogin());
  const reply = worker.next();
  return reply?.type === "lease.denied" ? reply.problem : reply?.type;
}

Deno.test("a worker keeps the newest list the fleet has signed, and no lease is opened for whom it revokes", () => {
  using bench = new Bench();
  assert.equal(ask(bench), "lease.answer");
  assert.equal(update(bench, bench.revocations(2, true)), null);
  assert.equal(ask(bench), "not-trusted");
  const kept = Deno.readTextFileSync(bench.path("host.revocations"));

  assert.equal(update(bench, bench.revocations(1, false)), null, "an older list is no complaint");
  assert.equal(update(bench, bench.revocations(9, false, createFleetKey().secret)), "not-trusted");
  assert.equal(update(bench, '{"body":"","signature":""}'), "malformed");
  assert.equal(Deno.readTextFileSync(bench.path("host.revocations")), kept);
  assert.equal(ask(bench), "not-trusted");

  assert.equal(update(bench, bench.revocations(3, false)), null);
  assert.equal(ask(bench), "lease.answer");
});
