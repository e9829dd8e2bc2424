import assert from "node:assert/strict";
import { groupByGid, groupByName, groupList, passwdByName, passwdByUid } from "../../ffi/passwd.ts";

async function outputOf(...argv: [string, ...string[]]): Promise<string[]> {
  const { stdout } = await new Deno.Command(argv[0], { args: argv.slice(1), env: { LC_ALL: "C" } }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

Deno.test("passwdByName() and passwdByUid() agree with getent about every account", async () => {
  const lines = await outputOf("getent", "passwd");
  assert.ok(lines.length > 10);
  const seen = new Set<number>();
  for (const line of lines) {
    const [name, , uid, gid, gecos, home, shell] = line.split(":") as string[];
    const expected = { name, uid: Number(uid), gid: Number(gid), gecos, home, shell };
    assert.deepEqual(passwdByName(name!), expected);
    // Two accounts may share a uid; the first one is then the answer.
    if (!seen.has(Number(uid))) assert.deepEqual(passwdByUid(Number(uid)), expected);
    seen.add(Number(uid));
  }
});

Deno.test("groupByName() and groupByGid() agree with getent about every group", async () => {
  const lines = await outputOf("getent", "group");
  const seen = new Set<number>();
  for (const line of lines) {
    const [name, , gid] = line.split(":") as string[];
    const expected = { name, gid: Number(gid) };
    assert.deepEqual(groupByName(name!), expected);
    if (!seen.has(Number(gid))) assert.deepEqual(groupByGid(Number(gid)), expected);
    seen.add(Number(gid));
  }
});

Deno.test("groupList() agrees with id, and puts the primary group first", async () => {
  for (const name of ["root", "nobody", "daemon"]) {
    const { gid } = passwdByName(name)!;
    const [line] = await outputOf("id", "-G", name);
    const groups = groupList(name, gid);
    assert.deepEqual([...groups].sort(), line!.split(" ").map(Number).sort());
    assert.equal(groups[0], gid);
  }
});

Deno.test("groupList() gives a login nobody has its primary group alone", () => {
  assert.deepEqual(groupList("no-such-login", 12345), [12345]);
});

Deno.test("lookups return null when there is no such account or group", () => {
  assert.equal(passwdByName("no-such-login"), null);
  assert.equal(passwdByName(""), null);
  assert.equal(passwdByName("x".repeat(10_000)), null);
  assert.equal(passwdByUid(4_000_000_000), null);
  assert.equal(groupByName("no-such-group"), null);
  assert.equal(groupByGid(4_000_000_000), null);
});

Deno.test("lookups refuse a name that C would cut short", () => {
  assert.throws(() => passwdByName("root\0x"), TypeError);
});
