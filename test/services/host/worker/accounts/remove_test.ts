/** Accounts made and removed for real, without any service around them. */

import assert from "node:assert/strict";
import { FileLock } from "../../../../../ffi/flock.ts";
import { Bench } from "../../../../../services/host/worker/accounts/bench.ts";
import { createAccount } from "../../../../../services/host/worker/accounts/create.ts";
import { discardHome } from "../../../../../services/host/worker/accounts/home.ts";
import { localAccount, localGroup } from "../../../../../services/host/worker/accounts/local_files.ts";
import { standingOf } from "../../../../../services/host/worker/accounts/ownership.ts";
import { removeAccount } from "../../../../../services/host/worker/accounts/remove.ts";
import { writeJournal } from "../../../../../services/host/worker/journal.ts";
import { noAccounts } from "../../../../support/accounts.ts";
import { run } from "../../../../support/command.ts";
import { newLogin } from "../../../../support/logins.ts";
import { inNamespace } from "../../../../support/namespace.ts";

/** A uid for each test, since test files run side by side. */
let nextUid = 95_000;

function withBench(use: (bench: Bench, uid: number) => void | Promise<void>) {
  return async () => {
    const runDirectory = await Deno.makeTempDir({ prefix: "accounts-" });
    const uid = nextUid++;
    const accounts = {
      ...noAccounts,
      mode: "ephemeral" as const,
      uidRange: { min: uid, max: uid },
      ledgerFile: `${runDirectory}/ledger.json`,
    };
    {
      using bench = new Bench({ runDirectory, accounts }, () => {});
      await use(bench, uid);
      // Other tests' ledgers would be rebuilt with what is left.
      for (const [login, entry] of bench.ledger.accounts) {
        if (entry.state !== "removed") removeAccount(login, bench);
        discardHome(entry, bench.log);
      }
    }
    await Deno.remove(runDirectory, { recursive: true });
  };
}

function test(name: string, use: (bench: Bench, uid: number) => void | Promise<void>): void {
  Deno.test({ name, ignore: !inNamespace(), fn: withBench(use) });
}

/** A process with `uid` as its real, its effective, or all its uids. */
async function catWith(id: string, uid: number): Promise<AsyncDisposable> {
  const args = [id, String(uid), "cat"];
  const cat = new Deno.Command("setpriv", { args, stdin: "piped", stdout: "piped" }).spawn();
  const [input, output] = [cat.stdin.getWriter(), cat.stdout.getReader()];
  await input.write(Uint8Array.of(1));
  await output.read();
  return {
    async [Symbol.asyncDispose]() {
      await input.close();
      await cat.status;
      await output.cancel();
    },
  };
}

function isThere(login: string): boolean {
  return localAccount(login) !== null;
}

test("removeAccount() waits for whoever is logged in, for processes, and for PAM", async (bench, uid) => {
  const login = newLogin();
  createAccount(login, "ephemeral", bench);
  {
    using _loggedIn = FileLock.wait(bench.loginLock(login), "shared");
    assert.equal(removeAccount(login, bench), "busy");
  }
  for (const id of ["--reuid", "--ruid", "--euid"]) {
    await using _runs = await catWith(id, uid);
    assert.equal(removeAccount(login, bench), "busy", id);
  }
  const lease = "0".repeat(32);
  const items = {
    service: "x",
    confdir: null,
    tty: "ssh",
    rhost: "::1",
    connection: "192.0.2.7 50123 192.0.2.1 2222",
    environment: [],
    user: "x",
    roles: [],
  };
  const settings = { runDirectory: bench.runDirectory } as Parameters<typeof writeJournal>[0];
  writeJournal(settings, lease, "opened", { login, ...items });
  assert.equal(removeAccount(login, bench), "busy");
  assert.equal(isThere(login), true);
  writeJournal(settings, lease, "opened", { login: "another", ...items });
  assert.equal(removeAccount(login, bench), "removed");
  assert.equal(isThere(login), false);
});

test("removeAccount() goes on where an earlier one stopped", async (bench, uid) => {
  const login = newLogin();
  createAccount(login, "ephemeral", bench);
  const made = bench.ledger.accounts.get(login)!;
  // After userdel, before the home and the rest.
  await run(["userdel", login]);
  await run(["groupadd", "--gid", String(uid), login]);
  bench.record(login, { ...made, state: "removing" });
  assert.equal(standingOf(login, bench.ledger), "unfinished");
  assert.equal(removeAccount(login, bench), "removed");
  assert.equal(localGroup(login), null);
  assert.throws(() => Deno.lstatSync(`/home/${login}`), Deno.errors.NotFound);
  assert.equal(bench.ledger.accounts.get(login)?.state, "removed");
});

test("removeAccount() leaves a group that others were put into", async (bench) => {
  const [login, other] = [newLogin(), newLogin()];
  createAccount(login, "ephemeral", bench);
  await run(["useradd", "--groups", login, other]);
  assert.equal(removeAccount(login, bench), "removed");
  assert.deepEqual(localGroup(login)?.members, [other]);
  // And when the login comes again it is its group again.
  createAccount(login, "ephemeral", bench);
  assert.equal(localAccount(login)?.gid, localGroup(login)?.gid);
});

test("createAccount() undoes an account that is not as asked", async (bench, uid) => {
  const login = newLogin();
  // Such hooks are the administrator's; this one spoils what useradd has made.
  await Deno.mkdir("/etc/shadow-maint/useradd-post.d", { recursive: true });
  const hook = "/etc/shadow-maint/useradd-post.d/spoil";
  await Deno.writeTextFile(
    hook,
    `#!/bin/sh\n[ "$SUBJECT" != ${login} ] || usermod --shell /bin/false ${login}\n`,
    {
      mode: 0o755,
    },
  );
  assert.throws(
    () => createAccount(login, "ephemeral", bench),
    /has not made .* as asked: .*, shell \/bin\/false/,
  );
  await Deno.remove(hook);
  assert.equal(isThere(login), false);
  assert.throws(() => Deno.lstatSync(`/home/${login}`), Deno.errors.NotFound);
  assert.equal(bench.ledger.accounts.get(login)?.state, "removed");
  createAccount(login, "ephemeral", bench);
  assert.equal(localAccount(login)?.uid, uid);
});

test("createAccount() refuses names that are numbers or options, and shells that are not there", (bench) => {
  for (const login of ["1000", "-x", "a$", "a b", ""]) {
    assert.throws(() => createAccount(login, "ephemeral", bench), /Cannot make an account named/, login);
  }
  Object.assign(bench.settings, { shell: "/bin/no-such-shell" });
  assert.throws(() => createAccount("sallyport-x", "ephemeral", bench), Deno.errors.NotFound);
  Object.assign(bench.settings, { shell: "/etc/passwd" });
  assert.throws(() => createAccount("sallyport-x", "ephemeral", bench), /it is no program/);
  assert.equal(bench.ledger.accounts.size, 0);
});
