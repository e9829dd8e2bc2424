import assert from "node:assert/strict";
import { maxResponseGrants, responseTtlMs } from "../../../services/broker/limits.ts";
import { Permissions } from "../../../services/broker/permissions.ts";
import { hostAllowList } from "../../../shared/protocol/subjects.ts";

const lease = "0123456789abcdef0123456789abcdef";

Deno.test("Permissions refuse everything when nothing is listed", () => {
  const none = new Permissions({ publish: [], subscribe: [], responds: false });
  assert.equal(none.mayPublish("a", 0), false);
  assert.equal(none.maySubscribe("a"), false);
  none.grantResponse("a", 0);
  assert.equal(none.mayPublish("a", 0), false);
});

Deno.test("Permissions of a host end at its own name", () => {
  const host = new Permissions(hostAllowList("alpha"));
  assert.ok(host.mayPublish(`sallyport.g.gw.alpha.${lease}`, 0));
  assert.ok(host.maySubscribe("sallyport.h.alpha.>"));
  assert.ok(host.maySubscribe("_INBOX.alpha.x.*"));
  for (
    const subject of [
      `sallyport.g.gw.beta.${lease}`,
      "sallyport.g.*.alpha.x",
      "sallyport.g..alpha.x",
      "a",
      "",
    ]
  ) {
    assert.equal(host.mayPublish(subject, 0), false, subject);
  }
  for (const subject of [">", "*", "sallyport.h.>", "sallyport.h.*.*.*", "sallyport.h.beta.>", "_INBOX.>"]) {
    assert.equal(host.maySubscribe(subject), false, subject);
  }
});

Deno.test("Permissions grant one response to each request, in time", () => {
  const host = new Permissions(hostAllowList("alpha"));
  host.grantResponse("_INBOX.gw.1", 1_000);
  assert.ok(host.mayPublish("_INBOX.gw.1", 1_000 + responseTtlMs - 1));
  assert.equal(host.mayPublish("_INBOX.gw.1", 1_001), false);
  host.grantResponse("_INBOX.gw.2", 1_000);
  assert.equal(host.mayPublish("_INBOX.gw.2", 1_000 + responseTtlMs), false);
});

Deno.test("Permissions forget the oldest grants before they become too many", () => {
  const host = new Permissions(hostAllowList("alpha"));
  for (let count = 0; count <= maxResponseGrants; count++) host.grantResponse(`box.${count}`, 0);
  assert.equal(host.mayPublish("box.0", 1), false);
  assert.ok(host.mayPublish("box.1", 1));
  assert.ok(host.mayPublish(`box.${maxResponseGrants}`, 1));
});
