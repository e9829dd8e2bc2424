/** Who has to prove themselves to PAM, whatever a gateway says; and what a module may make of the login. */

import assert from "node:assert/strict";
import type { PamAuth } from "../../../../shared/protocol/lease.ts";
import { makeAccount, newLogin } from "../../../support/logins.ts";
import { makeModule } from "../../../support/modules.ts";
import { Bench, loggingStack, type Worker } from "./worker_kit.ts";

/** Asks for a password that a script checks. */
const askingStack = `auth requisite pam_exec.so quiet expose_authtok %/check.sh
auth required pam_exec.so quiet %/log.sh
${loggingStack}`;

function askingBench(
  pam: { usePamAuth?: boolean; requirePamAuth?: boolean; systemLogins?: string[] },
): Bench {
  const bench = new Bench(askingStack, { pam });
  bench.write("check.sh", "#!/bin/sh\nexec grep -qx 42\n", 0o755);
  return bench;
}

function start(bench: Bench, login: string, pamAuth: PamAuth): Worker {
  const worker = bench.start();
  worker.open(login, { pamAuth });
  worker.expect("lease.answer");
  return worker;
}

Deno.test("a worker asks whenever gateway or host wants it, and never else", async () => {
  const login = newLogin();
  await makeAccount(login);
  const table: [usePamAuth: boolean, requirePamAuth: boolean, asked: PamAuth, outcome: string][] = [
    [true, true, "host-decides", "lease.prompt"],
    [true, true, "also", "lease.prompt"],
    [true, true, "alone", "lease.prompt"],
    [true, false, "host-decides", "lease.accepted"],
    [true, false, "also", "lease.prompt"],
    [true, false, "alone", "lease.prompt"],
    [false, true, "host-decides", "lease.accepted"],
    [false, true, "also", "lease.refused"],
    [false, true, "alone", "lease.refused"],
  ];
  for (const [usePamAuth, requirePamAuth, pamAuth, outcome] of table) {
    using bench = askingBench({ usePamAuth, requirePamAuth });
    using worker = start(bench, login, pamAuth);
    const reply = worker.next();
    assert.equal(reply?.type, outcome, `${usePamAuth} ${requirePamAuth} ${pamAuth}`);
    if (reply?.type === "lease.refused") {
      assert.equal(reply.problem, "authentication-unavailable");
      assert.deepEqual(bench.pamCalls(), []);
    }
  }
});

Deno.test("a worker without PAM admits nobody whom PAM was to prove", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench(loggingStack, { pam: { enabled: false, usePamAuth: true } });
  for (const pamAuth of ["alone", "also"] as const) {
    using worker = start(bench, login, pamAuth);
    assert.equal(worker.expect("lease.refused").problem, "authentication-unavailable");
    worker.waitForEnd();
  }
});

Deno.test("a worker authenticates before it asks the account stack, and stops at a wrong answer", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = askingBench({ usePamAuth: true });
  using right = start(bench, login, "alone");
  const { prompt } = right.expect("lease.prompt");
  assert.deepEqual(prompt, { instruction: "", questions: [{ text: "Password: ", echo: false }] });
  right.respond("42");
  right.expect("lease.accepted");
  right.close();
  assert.deepEqual(bench.pamCalls(), ["auth", "account", "open_session", "close_session"]);
  using wrong = start(bench, login, "alone");
  wrong.expect("lease.prompt");
  wrong.respond("43");
  assert.equal(wrong.expect("lease.refused").problem, "authentication-failed");
  wrong.waitForEnd();
  assert.deepEqual(bench.pamCalls().slice(4), []);
});

Deno.test("a worker takes no other number of answers, and nothing but answers", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = askingBench({ usePamAuth: true });
  for (const answers of [[], ["42", "42"], ["4\x002"], ["4".repeat(513)]]) {
    using worker = start(bench, login, "alone");
    worker.expect("lease.prompt");
    worker.respond(...answers);
    assert.equal(worker.expect("lease.refused").problem, "authentication-failed", JSON.stringify(answers));
    worker.waitForEnd();
  }
  using forged = start(bench, login, "alone");
  forged.expect("lease.prompt");
  forged.send({ type: "lease.responses", responses: new Uint8Array(144) });
  assert.match(forged.expect("lease.refused").cause, /not sealed by the gateway/);
  using worker = start(bench, login, "alone");
  worker.expect("lease.prompt");
  worker.send({ type: "channel.signal", channel: 1, signal: "TERM" });
  assert.match(worker.expect("lease.refused").cause, /Cannot take channel.signal while the lease is opening/);
});

Deno.test("a worker whose person has left runs nothing more of PAM than its end", async () => {
  const login = newLogin();
  await makeAccount(login);
  for (const leave of ["close", "disconnect"] as const) {
    using bench = askingBench({ usePamAuth: true });
    using worker = start(bench, login, "alone");
    worker.expect("lease.prompt");
    if (leave === "disconnect") worker.disconnect();
    else worker.send({ type: "lease.close" });
    worker.waitForEnd();
    assert.deepEqual(bench.pamCalls(), []);
    assert.deepEqual(bench.journal(), []);
  }
});

Deno.test("a worker admits accounts of the system by PAM alone only when it is told to", () => {
  const outcome = (pamAuth: PamAuth, systemLogins: string[]) => {
    using bench = askingBench({ usePamAuth: true, systemLogins });
    using worker = start(bench, "games", pamAuth);
    worker.expect("lease.prompt");
    worker.respond("42");
    const reply = worker.next();
    return reply?.type === "lease.refused" ? reply.problem : reply?.type;
  };
  assert.equal(outcome("alone", []), "authentication-failed");
  assert.equal(outcome("alone", ["backup"]), "authentication-failed");
  assert.equal(outcome("alone", ["games"]), "lease.accepted");
  assert.equal(outcome("also", []), "lease.accepted");
});

Deno.test("a worker that authenticated refuses when the credentials cannot be had, as sshd does", async () => {
  const login = newLogin();
  await makeAccount(login);
  const stack = "auth [success=done default=ignore] %/pam_half.so\n" + loggingStack.replace(/^auth.*\n/m, "");
  using bench = new Bench(stack, { pam: { usePamAuth: true, requirePamAuth: false } });
  await makeModule(
    bench.folder,
    "pam_half",
    `int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) { return PAM_SUCCESS; }
    int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) { return PAM_PERM_DENIED; }`,
  );
  using asked = start(bench, login, "also");
  assert.equal(asked.expect("lease.refused").problem, "session-refused");
  using unasked = start(bench, login, "host-decides");
  unasked.expect("lease.accepted");
});

Deno.test("a module may change the login to one the roles allow, and to no other", async () => {
  const [asked, other] = [newLogin(), newLogin()];
  await makeAccount(asked);
  await makeAccount(other);
  using bench = new Bench(`account required %/pam_rename.so\n${loggingStack}`);
  await makeModule(
    bench.folder,
    "pam_rename",
    `int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv) {
      return pam_set_item(pamh, PAM_USER, "${other}");
    }`,
  );
  const table: [logins: string[], allowed: boolean][] = [
    [[asked, other], true],
    [["t*"], true],
    [[asked], false],
    [[], false],
  ];
  for (const [logins, allowed] of table) {
    using worker = bench.start();
    worker.open(asked, { logins });
    worker.expect("lease.answer");
    if (!allowed) {
      const { problem, cause } = worker.expect("lease.refused");
      assert.equal(problem, "access-denied");
      assert.match(
        cause,
        new RegExp(`changed the login from '${asked}' to '${other}', which no role allows`),
      );
      continue;
    }
    assert.equal(worker.expect("lease.accepted").login, other);
    assert.equal(
      worker.run(1, 'echo "$(id -un) $USER $HOME $TELEPORT_LOGIN"').output,
      `${other} ${other} /home/${other} ${other}\n`,
    );
    worker.close();
  }
  assert.deepEqual(
    bench.pamLog().filter((line) => line.startsWith("close")).map((line) => line.split(" ")[1]),
    [other, other],
  );
});

Deno.test("no module gets root by a pattern", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench(`account required %/pam_root.so\n${loggingStack}`);
  await makeModule(
    bench.folder,
    "pam_root",
    `int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv) {
      return pam_set_item(pamh, PAM_USER, argc > 0 ? argv[0] : "root");
    }`,
  );
  for (const [logins, outcome] of [[["*"], "lease.refused"], [["root"], "lease.accepted"]] as const) {
    using worker = bench.start();
    worker.open(login, { logins: [...logins] });
    worker.expect("lease.answer");
    assert.equal(worker.next()?.type, outcome);
  }
});
