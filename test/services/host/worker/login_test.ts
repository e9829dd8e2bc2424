/** How PAM decides, and what the person and the operator read when it refuses. */

import assert from "node:assert/strict";
import { makeAccount, newLogin, uidOf } from "../../../support/logins.ts";
import { Bench, loggingStack } from "./worker_kit.ts";

Deno.test("a worker logs an account in that the account stack creates, and sees its groups", async () => {
  using bench = new Bench(`account required pam_exec.so quiet %/create.sh\n${loggingStack}`);
  bench.write("create.sh", '#!/bin/sh\nexec /usr/sbin/useradd -m -s /bin/bash -G games "$PAM_USER"\n', 0o755);
  const login = newLogin();
  assert.equal(await uidOf(login), null);
  using worker = bench.login(login);
  assert.equal(worker.run(1, "id -un; id -Gn").output, `${login}\n${login} games\n`);
  worker.close();
});

Deno.test("a worker tells PAM who comes from where, to every call alike", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  worker.close();
  const rest = `${login} 192.0.2.7 ada@example.org ssh dev ops`;
  assert.deepEqual(bench.pamLog(), [`account ${rest}`, `open_session ${rest}`, `close_session ${rest}`]);
  assert.deepEqual(bench.journal(), []);
});

Deno.test("a worker passes what modules say on as notices", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench(`${loggingStack}session optional pam_echo.so file=%/words\n`);
  bench.write("words", "Welcome, %u\n");
  using worker = bench.login(login);
  assert.match(worker.notices.join(), new RegExp(`Welcome, ${login}`));
  worker.close();
});

Deno.test("a worker refuses with the module's own words when the account stack says no", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench("account requisite pam_echo.so file=%/words\naccount required pam_deny.so\n");
  bench.write("words", "Not on \x1b[31mSundays\x07\n");
  using worker = bench.start();
  worker.open(login);
  worker.expect("lease.answer");
  const { problem, text, cause } = worker.expect("lease.refused");
  assert.equal(problem, "account-refused");
  assert.equal(text, "Not on [31mSundays");
  assert.match(cause, /pam_acct_mgmt failed with PAM_/);
  assert.equal(worker.next(), null);
  worker.waitForEnd();
});

Deno.test("a worker refuses and undoes all when the session stack says no", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench(`${loggingStack}session required pam_deny.so\n`);
  using worker = bench.start();
  worker.open(login);
  worker.expect("lease.answer");
  const { problem, cause } = worker.expect("lease.refused");
  assert.equal(problem, "session-refused");
  assert.match(cause, /pam_open_session failed with PAM_/);
  worker.waitForEnd();
  assert.deepEqual(bench.pamCalls(), ["account", "open_session"]);
  assert.deepEqual(bench.journal(), []);
});

Deno.test("a worker says that the account is missing when the stack let it in without creating it", () => {
  using bench = new Bench();
  using worker = bench.start();
  worker.open(newLogin());
  worker.expect("lease.answer");
  assert.equal(worker.expect("lease.refused").problem, "account-missing");
  worker.waitForEnd();
  assert.deepEqual(bench.pamCalls(), ["account"]);
});

Deno.test("a worker says that PAM is broken when the service has no file, or a module is missing", async () => {
  const login = newLogin();
  await makeAccount(login);
  using typo = new Bench(loggingStack, {
    pam: { serviceName: "no-such-service", confdir: null },
  });
  using module = new Bench("account required pam_nowhere.so\n");
  for (const bench of [typo, module]) {
    using worker = bench.start();
    worker.open(login);
    worker.expect("lease.answer");
    assert.equal(worker.expect("lease.refused").problem, "pam-broken");
    worker.waitForEnd();
  }
});

Deno.test("a worker without PAM resolves the account and needs it to exist", async () => {
  const login = newLogin();
  await makeAccount(login, "-G", "games");
  using bench = new Bench(loggingStack, {
    pam: { enabled: false },
  });
  using worker = bench.login(login);
  assert.equal(worker.run(1, "id -Gn").output, `${login} games\n`);
  worker.close();
  using stranger = bench.start();
  stranger.open(newLogin());
  stranger.expect("lease.answer");
  assert.equal(stranger.expect("lease.refused").problem, "account-missing");
  stranger.waitForEnd();
  assert.deepEqual(bench.pamCalls(), []);
});

Deno.test("a worker lets nobody be uid 0 by a pattern, whatever root is called", async () => {
  const login = newLogin();
  await makeAccount(login, "-o", "-u", "0", "-g", "root");
  using bench = new Bench();
  for (const [logins, outcome] of [[["*"], "lease.refused"], [[login], "lease.accepted"]] as const) {
    using worker = bench.start();
    worker.open(login, { logins: [...logins] });
    worker.expect("lease.answer");
    assert.equal(worker.next()?.type, outcome, `${logins}`);
  }
});

Deno.test("a worker runs nothing for a request that was not signed for its lease", () => {
  using bench = new Bench();
  using worker = bench.start();
  worker.open("root", { lease: "c".repeat(32) });
  assert.equal(worker.expect("lease.denied").problem, "replayed");
  worker.waitForEnd();
  assert.deepEqual(bench.pamCalls(), []);
});

Deno.test("a worker denies a channel before the lease, and ends", () => {
  using bench = new Bench();
  using worker = bench.start();
  worker.send({ type: "assign", lease: "a".repeat(32), boot: "b".repeat(32), now: Date.now() });
  worker.send({
    type: "channel.open",
    channel: 1,
    kind: "shell",
    command: "",
    terminal: null,
    environment: [],
  });
  assert.equal(worker.expect("lease.denied").problem, "malformed");
  worker.waitForEnd();
});
