import assert from "node:assert/strict";
import { inOwnProcess, resultOf } from "./own_process.ts";

/** Ids that no account has. */
const account = { uid: 61_001, gid: 61_002, groups: [61_002, 61_003] };

Deno.test("setGroups() and getGroups() agree with the kernel", async () => {
  const [groups, none, status] = await resultOf((ffi, groups) => {
    ffi.setGroups([]);
    const none = ffi.getGroups();
    ffi.setGroups(groups);
    return [ffi.getGroups(), none, Deno.readTextFileSync("/proc/self/status")];
  }, account.groups);
  assert.deepEqual(groups, account.groups);
  assert.deepEqual(none, []);
  assert.match(String(status), /^Groups:\t61002 61003 $/m);
});

Deno.test("dropPrivileges() leaves no id, group, capability or way back of root's, on any thread", async () => {
  const { threads, returned } = await resultOf((ffi, { uid, gid }) => {
    ffi.dropPrivileges({ uid, gid });
    let returned = true;
    try {
      ffi.setGroups([0]);
    } catch {
      returned = false;
    }
    const threads = [...Deno.readDirSync("/proc/self/task")]
      .map(({ name }) => Deno.readTextFileSync(`/proc/self/task/${name}/status`));
    return { threads, returned };
  }, account);
  assert.equal(returned, false);
  assert.ok(threads.length > 1, "Deno has more than one thread");
  for (const status of threads) {
    assert.match(status, /^Uid:\t61001\t61001\t61001\t61001$/m);
    assert.match(status, /^Gid:\t61002\t61002\t61002\t61002$/m);
    assert.match(status, /^Groups:\t61002 $/m);
    for (const set of ["CapPrm", "CapEff", "CapAmb"]) assert.match(status, new RegExp(`^${set}:\t0+$`, "m"));
  }
});

Deno.test("dropPrivileges() refuses to stay root", async () => {
  const { stderr, code } = await inOwnProcess((ffi) => ffi.dropPrivileges({ uid: 0, gid: 61_002 }), null);
  assert.equal(code, 1);
  assert.match(stderr, /RangeError: Cannot drop privileges to uid 0, gid 61002/);
});

Deno.test("dropPrivileges() throws EPERM when the process is not root", async () => {
  const { stderr } = await inOwnProcess((ffi, { uid, gid }) => {
    ffi.dropPrivileges({ uid, gid });
    ffi.dropPrivileges({ uid: uid + 1, gid: gid + 1 });
  }, account);
  assert.match(stderr, /setgroups: Operation not permitted/);
});

Deno.test("withEffectiveIds() lets the kernel decide as for the account, and gives root back", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [during, refusal, thrown, after] = await resultOf((ffi, { account, folder }) => {
      const status = () =>
        Deno.readTextFileSync("/proc/self/status").split("\n").filter((line) =>
          /^(Uid|Gid|Groups):/.test(line)
        );
      const during = ffi.withEffectiveIds(account, status);
      let refusal = "";
      let thrown = "";
      ffi.withEffectiveIds(account, () => {
        try {
          Deno.writeTextFileSync(`${folder}/file`, "");
        } catch (error) {
          refusal = (error as Error).name;
        }
      });
      try {
        ffi.withEffectiveIds(account, () => {
          throw new Error("passed on");
        });
      } catch (error) {
        thrown = (error as Error).message;
      }
      return [during, refusal, thrown, status()];
    }, { account, folder });
    assert.deepEqual(during, [
      "Uid:\t0\t61001\t0\t61001",
      "Gid:\t0\t61002\t0\t61002",
      "Groups:\t61002 61003 ",
    ]);
    assert.equal(refusal, "PermissionDenied");
    assert.equal(thrown, "passed on");
    assert.deepEqual(after!.slice(0, 2), ["Uid:\t0\t0\t0\t0", "Gid:\t0\t0\t0\t0"]);
    assert.doesNotMatch(after![2]!, /6100/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("withRealIds() changes nothing and throws EPERM when the process is not root", async () => {
  const [name, status] = await resultOf((ffi, account) => {
    ffi.dropPrivileges(account);
    try {
      ffi.withRealIds({ ...account, uid: account.uid + 1 }, () => {});
      return [];
    } catch (error) {
      return [(error as { errnoName: string }).errnoName, Deno.readTextFileSync("/proc/self/status")];
    }
  }, account);
  assert.equal(name, "EPERM");
  assert.match(status!, /^Uid:\t61001\t61001\t61001\t61001$/m);
});

Deno.test("withRealIds() aborts the process when it cannot be root again", async () => {
  const { signal, value } = await inOwnProcess((ffi, account) => {
    ffi.setLimit("core", 0n, 0n);
    ffi.withRealIds(account, () => ffi.dropPrivileges(account));
    return "went on";
  }, account);
  assert.equal(signal, "SIGABRT");
  assert.equal(value, undefined);
});
