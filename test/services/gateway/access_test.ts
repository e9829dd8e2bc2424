import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AccessPolicy, fingerprint } from "../../../services/gateway/access.ts";
import { plainGrant } from "../../../shared/protocol/lease.ts";
import { anywhere, role } from "./roles_kit.ts";

const key = "AAAAC3NzaC1lZDI1NTE5AAAAIE9vb29vb29vb29vb29vb29vb29vb29vb29vb29vb29v";
const blob = Uint8Array.fromBase64(key);
const line = `ssh-ed25519 ${key} alice@laptop`;

function policy(logins: string[], lines: string[] = [line]): AccessPolicy {
  return new AccessPolicy([{ name: "alice", keys: lines, roles: ["dev"], traits: {} }], {
    dev: role({ logins }),
  });
}

Deno.test("AccessPolicy denies everything when it is empty", () => {
  assert.equal(new AccessPolicy([], {}).byKey(blob, "alice", anywhere), null);
});

Deno.test("AccessPolicy.byKey() names the user, their roles and the key's fingerprint", () => {
  assert.deepEqual(policy(["alice"]).byKey(blob, "alice", anywhere), {
    user: "alice",
    roles: ["dev"],
    logins: ["alice"],
    deniedLogins: [],
    grant: plainGrant,
    labels: {},
    traits: {},
    method: "publickey",
    fingerprint: fingerprint(blob),
  });
});

Deno.test("AccessPolicy.byKey() denies a login no role lists", () => {
  assert.equal(policy(["alice"]).byKey(blob, "bob", anywhere), null);
});

Deno.test("AccessPolicy.byKey() denies an unknown key", () => {
  assert.equal(policy(["alice"]).byKey(Uint8Array.from(Buffer.from("other")), "alice", anywhere), null);
});

Deno.test("AccessPolicy.byKey() denies when the user's role is not defined", () => {
  const dangling = new AccessPolicy(
    [{ name: "alice", keys: [line], roles: ["constructor"], traits: {} }],
    {},
  );
  assert.equal(dangling.byKey(blob, "alice", anywhere), null);
});

Deno.test("a pattern matches logins but never root", () => {
  assert.ok(policy(["*"]).byKey(blob, "anyone", anywhere));
  assert.ok(policy(["web-?"]).byKey(blob, "web-1", anywhere));
  assert.equal(policy(["web-?"]).byKey(blob, "web-12", anywhere), null);
  assert.equal(policy(["*", "r*t", "roo?"]).byKey(blob, "root", anywhere), null);
  assert.ok(policy(["root"]).byKey(blob, "root", anywhere));
});

Deno.test("a pattern takes regular-expression characters literally", () => {
  assert.equal(policy(["a.c*"]).byKey(blob, "abc", anywhere), null);
  assert.ok(policy(["a.c*"]).byKey(blob, "a.c", anywhere));
});

Deno.test("a key line with options in front is not honoured, since its options would not be", () => {
  assert.equal(policy(["alice"], [`command="true" ${line}`]).byKey(blob, "alice", anywhere), null);
});

Deno.test("fingerprint() prints as ssh-keygen does", () => {
  // ssh-keygen -lf of the line above.
  assert.match(fingerprint(blob), /^SHA256:[A-Za-z0-9+/]{43}$/);
});

Deno.test("AccessPolicy.byPam() gives the roles of the exact login, else of the first pattern", () => {
  const roles = { ops: role({ logins: ["ada", "web-*", "root"] }), guests: role({ logins: ["*"] }) };
  const pamLogins = { "*": ["guests"], "web-*": ["ops"], ada: ["ops", "guests"], nobody: ["missing"] };
  const policy = new AccessPolicy([], roles, pamLogins);
  assert.deepEqual(policy.byPam("ada", "password", anywhere), {
    user: "ada",
    roles: ["ops", "guests"],
    logins: ["ada", "web-*", "root", "*"],
    deniedLogins: [],
    grant: plainGrant,
    labels: {},
    traits: {},
    method: "password",
    fingerprint: "",
  });
  assert.deepEqual(policy.byPam("web-1", "password", anywhere)?.roles, ["guests"]);
  assert.equal(policy.byPam("nobody", "password", anywhere), null, "its role is not defined");
  assert.equal(policy.byPam("root", "password", anywhere), null, "root is not reached by a pattern");
  assert.ok(new AccessPolicy([], roles, { root: ["ops"] }).byPam("root", "password", anywhere));
  assert.equal(new AccessPolicy([], roles, { ada: [] }).byPam("ada", "password", anywhere), null);
  assert.equal(new AccessPolicy([], roles).byPam("ada", "password", anywhere), null);
});

Deno.test("AccessPolicy.keyHolders() names everybody whose roles allow the login, and nobody else", () => {
  const roles = {
    ops: role({ logins: ["web-*", "root"] }),
    guests: role({ logins: ["ada"] }),
    all: role({ logins: ["*"] }),
  };
  const user = (name: string, ...roles: string[]) => ({ name, keys: [line], roles, traits: {} });
  const policy = new AccessPolicy(
    [user("o", "ops"), user("g", "guests"), user("a", "all"), user("n")],
    roles,
  );
  const names = (login: string) => policy.keyHolders(login, anywhere).map(({ user }) => user);
  assert.deepEqual(names("web-1"), ["o", "a"]);
  assert.deepEqual(names("ada"), ["g", "a"]);
  assert.deepEqual(names("root"), ["o"], "root is not reached by a pattern");
});
