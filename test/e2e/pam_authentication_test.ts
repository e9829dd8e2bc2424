/** PAM asks the person, through the bus and their own ssh: pam_unix with right, wrong, locked and expired passwords. */

import assert from "node:assert/strict";
import { run } from "../support/command.ts";
import { accountWith, makeAccount, newLogin, setPassword } from "../support/logins.ts";
import { person } from "../support/person.ts";
import { ssh } from "../support/ssh.ts";
import { startSshd } from "../support/sshd.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";

const stack = `
auth     required pam_unix.so nodelay nullok
account  required pam_unix.so
password required pam_unix.so sha512
session  required pam_permit.so
`;

/** Logs in with these answers. */
async function logIn(sallyport: Sallyport, login: string, methods: string, answers: string[], attempts = 1) {
  const somebody = await person(methods, answers, { attempts });
  const { code, stdout, stderr } = await sallyport.ssh(login, "id -un", somebody.options);
  return { code, stdout, stderr, asked: somebody.asked() };
}

Deno.test("pam_unix through PAM's conversation", async (test) => {
  await using sallyport = await startSallyport({
    stack,
    config: {
      ssh_service: { pam: { enabled: "yes", service_name: "test", use_pam_auth: "yes" } },
      roles: { all: { logins: ["*", "root"] }, nobody: { logins: ["other"] } },
      pam_logins: { "t*": ["all"], games: ["all"], backup: ["all"], root: ["all"], known: ["nobody"] },
      host: { pam_system_logins: ["backup"] },
    },
  });
  const login = await accountWith("correct horse");

  await test.step("the right password lets in, asked for in PAM's words", async () => {
    const { code, stdout, asked, stderr } = await logIn(sallyport, login, "keyboard-interactive", [
      "correct horse",
    ]);
    assert.deepEqual([code, stdout], [0, `${login}\n`], stderr);
    assert.equal(asked.length, 1);
    assert.match(asked[0]!, /Password:$/);
  });

  await test.step("a wrong one is asked for again, as sshd does, and counts", async () => {
    const { code, asked, stderr } = await logIn(
      sallyport,
      login,
      "keyboard-interactive",
      ["wrong", "correct horse"],
      2,
    );
    assert.deepEqual([code, asked.length], [0, 2], stderr);
    assert.match(stderr, /Permission denied, please try again\./);
    const wrong = await logIn(sallyport, login, "keyboard-interactive", ["wrong", "wrong too"], 2);
    assert.deepEqual([wrong.code, wrong.stdout, wrong.asked.length], [255, "", 2]);
    assert.match(wrong.stderr, /Permission denied \(publickey,keyboard-interactive,password\)\./);
  });

  await test.step("the password method gives the same answers", async () => {
    assert.equal((await logIn(sallyport, login, "password", ["correct horse"])).code, 0);
    const { code, stderr, asked } = await logIn(sallyport, login, "password", ["wrong", "wrong too"], 2);
    assert.deepEqual([code, asked.length], [255, 2]);
    assert.match(stderr, /Permission denied, please try again\./);
  });

  await test.step("an account that is locked stays out", async () => {
    const locked = await accountWith("correct horse");
    await run(["usermod", "-L", locked]);
    assert.equal((await logIn(sallyport, locked, "keyboard-interactive", ["correct horse"])).code, 255);
  });

  await test.step("an account without a password lets nobody in, whatever the stack says (nullok), as under sshd", async () => {
    const empty = newLogin();
    await makeAccount(empty);
    await run(["passwd", "-d", empty]);
    await using sshd = await startSshd(stack);
    for (const target of [sallyport, sshd]) {
      for (const method of ["keyboard-interactive", "password"]) {
        const somebody = await person(method, [""]);
        const { code, stdout } = await ssh(target, empty, "id -un", somebody.options);
        assert.deepEqual([code, stdout], [255, ""], method);
      }
    }
  });

  await test.step("an expired password is changed on the way in", async () => {
    for (const methods of ["keyboard-interactive", "password,keyboard-interactive"]) {
      const expired = await accountWith("correct horse");
      await run(["chage", "-d", "0", expired]);
      const answers = ["correct horse", "correct horse", "Batt3ry-st4ple", "Batt3ry-st4ple"];
      const { code, stdout, asked, stderr } = await logIn(sallyport, expired, methods, answers);
      assert.deepEqual([code, stdout], [0, `${expired}\n`], `${stderr} ${asked}`);
      assert.match(
        asked.join("\n"),
        /assword:\n.*Current password:\n.*New password:\n.*Retype new password:$/,
      );
      assert.match(stderr, /You are required to change your password immediately/);
      const again = await logIn(sallyport, expired, "keyboard-interactive", ["Batt3ry-st4ple"]);
      assert.deepEqual([again.code, again.asked.length], [0, 1], again.stderr);
    }
  });

  await test.step("an expired password that is not changed keeps out", async () => {
    const expired = await accountWith("correct horse");
    await run(["chage", "-d", "0", expired]);
    const answers = ["correct horse", "correct horse", "Batt3ry-st4ple", "a slip of the finger"];
    const { code, stderr } = await logIn(sallyport, expired, "keyboard-interactive", answers);
    assert.equal(code, 255);
    assert.match(stderr, /The password has expired and was not changed; log in again and change it/);
  });

  await test.step("a login without roles is asked like the others, and never let in", async () => {
    const tries = [["known", "keyboard-interactive"], ["stranger", "password"]] as const;
    await Promise.all(tries.map(async ([unknown, method]) => {
      const { code, asked, stderr } = await logIn(sallyport, unknown, method, ["guess"]);
      assert.deepEqual([code, asked.length], [255, 1], stderr);
      assert.match(asked[0]!, /assword:/);
    }));
    assert.match(sallyport.logs(), /no role is given to this login under pam_logins/);
  });

  await test.step("accounts of the system need the host's own permission", async () => {
    for (const system of ["root", "games", "backup"]) {
      await setPassword(system, "correct horse");
      await run(["usermod", "-s", "/bin/sh", system]);
    }
    assert.equal((await logIn(sallyport, "backup", "keyboard-interactive", ["correct horse"])).code, 0);
    for (const system of ["games", "root"]) {
      const { code, stderr } = await logIn(sallyport, system, "keyboard-interactive", ["correct horse"]);
      assert.equal(code, 255);
      assert.match(stderr, /This login is not permitted for you/);
    }
    assert.match(sallyport.logs(), /'games' has the uid 5; host\.pam_system_logins must name it/);
  });

  await test.step("no answer is left in logs, command lines or environments", async () => {
    assert.doesNotMatch(sallyport.logs(), /correct horse|Batt3ry/);
    for (const role of ["start", "broker", "gateway", "monitor", "dispatcher", "worker"] as const) {
      for (const { pid, argv } of sallyport.processes(role)) {
        assert.doesNotMatch(argv.join(" "), /correct horse|Batt3ry/);
        assert.doesNotMatch(await Deno.readTextFile(`/proc/${pid}/environ`), /correct horse|Batt3ry/);
      }
    }
  });
});
