import assert from "node:assert/strict";
import {
  discardedHome,
  discardHome,
  mayMakeHome,
  setHomeAside,
} from "../../../../../services/host/worker/accounts/home.ts";
import type { LedgerEntry } from "../../../../../services/host/worker/accounts/ledger.ts";

const uid = 70_000;
const quiet = () => {};

function withFolder(use: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  Deno.chmodSync(folder, 0o755);
  try {
    use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function entryFor(home: string, changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    ...{
      uid,
      mode: "ephemeral",
      state: "removed",
      home,
      ownsHome: true,
      groups: [],
      madeAt: 1,
      removedAt: 2,
    },
    ...changes,
  };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("mayMakeHome() wants a folder of root's above, and nothing of somebody else's in its place", () => {
  withFolder((folder) => {
    const home = `${folder}/ann`;
    assert.equal(mayMakeHome(home, uid), true);
    Deno.mkdirSync(home);
    assert.throws(() => mayMakeHome(home, uid), /exists and does not belong to uid 70000/);
    Deno.chownSync(home, uid, uid);
    assert.equal(mayMakeHome(home, uid), false);
    Deno.symlinkSync(home, `${folder}/bob`);
    assert.throws(() => mayMakeHome(`${folder}/bob`, uid), /does not belong/);
    Deno.chmodSync(folder, 0o777);
    assert.throws(() => mayMakeHome(`${folder}/new`, uid), /only root can write to/);
    Deno.chmodSync(folder, 0o755);
    Deno.chownSync(folder, uid, uid);
    assert.throws(() => mayMakeHome(`${folder}/new`, uid), /only root can write to/);
    Deno.chownSync(folder, 0, 0);
  });
});

Deno.test("setHomeAside() frees the name and discardHome() deletes, without following links", () => {
  withFolder((folder) => {
    const home = `${folder}/ann`;
    Deno.mkdirSync(`${home}/deep/er`, { recursive: true });
    Deno.mkdirSync(`${folder}/elsewhere`);
    Deno.writeTextFileSync(`${folder}/elsewhere/kept`, "");
    Deno.symlinkSync(`${folder}/elsewhere`, `${home}/deep/link`);
    Deno.chownSync(home, uid, uid);
    setHomeAside(entryFor(home), quiet);
    assert.equal(exists(home), false);
    assert.equal(exists(discardedHome({ home, uid })), true);
    discardHome(entryFor(home), quiet);
    assert.equal(exists(discardedHome({ home, uid })), false);
    assert.equal(exists(`${folder}/elsewhere/kept`), true);
  });
});

Deno.test("setHomeAside() leaves a home that is not of our making, or not the account's any more", () => {
  withFolder((folder) => {
    const home = `${folder}/ann`;
    Deno.mkdirSync(home);
    const said: string[] = [];
    setHomeAside(entryFor(home), (_level, message) => said.push(message));
    assert.deepEqual(said, ["The home {home} of a removed account stays"], "it belongs to root");
    Deno.chownSync(home, uid, uid);
    setHomeAside(entryFor(home, { ownsHome: false }), quiet);
    assert.equal(exists(home), true);
    Deno.removeSync(home);
    Deno.symlinkSync("/etc", home);
    setHomeAside(entryFor(home), quiet);
    assert.equal(exists(home), true, "a link");
  });
});
