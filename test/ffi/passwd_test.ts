import assert from "node:assert/strict";
import { SystemError } from "../../ffi/errno.ts";
import { groupByGid, groupByName, groupList, passwdByName, passwdByUid } from "../../ffi/passwd.ts";
import { spyOn } from "./spy.ts";

/** While set, the C library is told of a smaller buffer than it was given, as if the entries were that much longer. */
let missingBytes = 0;
const buffers: number[] = [];
spyOn((symbol, real) =>
  /^get(pw|gr).*_r$/.test(symbol) && real
    ? (key, entry, strings, stringsBytes: bigint, result) => {
      buffers.push(Number(stringsBytes));
      const told = Number(stringsBytes) - missingBytes;
      return real(key, entry, strings, BigInt(Math.max(1, told)), result);
    }
    : real
);

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

Deno.test("lookups try again with more room while an entry does not fit, up to 4 MiB", () => {
  const root = passwdByName("root");
  const tty = groupByName("tty");
  try {
    missingBytes = 100_000;
    buffers.length = 0;
    assert.deepEqual(passwdByName("root"), root);
    assert.deepEqual(groupByName("tty"), tty);
    assert.deepEqual(buffers.slice(0, 6), [4096, 8192, 16384, 32768, 65536, 131072]);
    missingBytes = 5_000_000;
    assert.throws(() => passwdByName("root"), (error: SystemError) => error.errnoName === "ERANGE");
  } finally {
    missingBytes = 0;
  }
});

Deno.test("lookups refuse a name that C would cut short", () => {
  assert.throws(() => passwdByName("root\0x"), TypeError);
});
