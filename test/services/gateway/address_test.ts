import assert from "node:assert/strict";
import { parseTarget } from "../../../services/gateway/address.ts";

Deno.test("parseTarget() sends a bare login to the default host", () => {
  assert.deepEqual(parseTarget("alice", "web1"), { login: "alice", host: "web1" });
});

Deno.test("parseTarget() reads login+host", () => {
  assert.deepEqual(parseTarget("alice+db-2", "web1"), { login: "alice", host: "db-2" });
});

Deno.test("parseTarget() reads which session is to be taken up", () => {
  assert.deepEqual(parseTarget("alice+web1+attach", "web2"), { login: "alice", host: "web1", session: 0 });
  const named = parseTarget("alice+web1+attach=4711", "web2");
  assert.deepEqual(named, { login: "alice", host: "web1", session: 4711 });
});

Deno.test("parseTarget() refuses what must never reach a subject, a path or PAM", () => {
  const hostile = [
    "",
    ".",
    "..",
    "-oProxyCommand",
    "a/b",
    "../etc",
    "a b",
    "a\0b",
    "a\nb",
    "a".repeat(300),
    "alice+",
    "+web1",
    "alice+web1.x",
    "alice+*",
    "alice+>",
    "alice+web1+attach+more",
    "alice+web1+attach=0",
    "alice+web1+attach=x",
    "alice+web1+attach=9999999999",
    "alice+web1+other",
  ];
  for (const name of hostile) assert.equal(parseTarget(name, "web1"), null, JSON.stringify(name));
});
