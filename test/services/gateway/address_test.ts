import assert from "node:assert/strict";
import { parseAddress } from "../../../services/gateway/address.ts";

/** What `username` asks of an account, at a gateway whose default host is web1. */
function target(username: string): unknown {
  const address = parseAddress(username, "web1");
  return address?.to === "account" ? address.target : null;
}

Deno.test("parseAddress() sends a bare login to the default host", () => {
  assert.deepEqual(target("alice"), { login: "alice", host: "web1" });
});

Deno.test("parseAddress() reads login+host", () => {
  assert.deepEqual(target("alice+db-2"), { login: "alice", host: "db-2" });
});

Deno.test("parseAddress() reads which session is to be taken up", () => {
  assert.deepEqual(target("alice+web2+attach"), { login: "alice", host: "web2", session: 0 });
  assert.deepEqual(target("alice+web2+attach=4711"), { login: "alice", host: "web2", session: 4711 });
});

Deno.test("parseAddress() reads labels in place of a host", () => {
  const labelled = (username: string): unknown => {
    const address = parseAddress(username, "web1");
    return address?.to === "labelled" ? [address.target, { ...address.labels }] : null;
  };
  assert.deepEqual(labelled("alice+env=prod"), [{ login: "alice" }, { env: "prod" }]);
  assert.deepEqual(labelled("alice+env=prod,example.org/dc=fra 1+attach=7"), [
    { login: "alice", session: 7 },
    { "env": "prod", "example.org/dc": "fra 1" },
  ]);
  assert.deepEqual(labelled("alice+__proto__=x"), null);
  assert.deepEqual(labelled("alice+constructor=x"), [
    { login: "alice" },
    JSON.parse(`{ "constructor": "x" }`),
  ]);
});

Deno.test("parseAddress() reads a command of the gateway", () => {
  assert.deepEqual(parseAddress("+hosts", "web1"), { to: "command", command: "hosts" });
});

Deno.test("parseAddress() refuses what must never reach a subject, a path or PAM", () => {
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
    "alice+env=",
    "alice+=prod",
    "alice+env=prod,env=test",
    "alice+env=prod,",
    "alice+env=a=b",
    "alice+env=a\x1bb",
    `alice+env=${"a".repeat(129)}`,
    "+",
    "+Hosts",
    "+hosts+more",
    "++hosts",
  ];
  for (const name of hostile) assert.equal(parseAddress(name, "web1"), null, JSON.stringify(name));
});
