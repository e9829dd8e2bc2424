/** `doctor --login`: which module says what, and how the login would end. */

import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { doctor, doctorArgv } from "../support/doctor.ts";
import { makeAccount, newLogin, uidOf } from "../support/logins.ts";
import { makeModule } from "../support/modules.ts";
import { startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";
import { creatingStack, writeScript, writeStack } from "../support/stacks.ts";

async function named(state: string, ending: RegExp): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(`${state}/run`), ({ name }) => name);
  return names.filter((name) => ending.test(name));
}

// deno-lint-ignore no-explicit-any
type Config = any;

/** The product's configuration with a change that only the doctor sees. @returns Its file */
async function changed(state: string, change: (config: Config) => void): Promise<string> {
  const config = JSON.parse(await Deno.readTextFile(`${state}/sallyport.yaml`));
  change(config);
  const file = `${state}/changed.yaml`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  return file;
}

function impatient(config: Config): void {
  config.host.LoginGraceTime = 1;
}

Deno.test("doctor --login tells what each module answers, and who would be let in", async (t) => {
  await using sallyport = await startSallyport();
  const { state } = sallyport;
  const stack = `${state}/pam.d/test`;

  await t.step("a good stack creates the account, and its identity is told", async () => {
    const login = newLogin();
    await writeStack(state, await creatingStack(state));
    const { code, text } = await doctor(state, "--login", login);
    strictEqual(code, 0, text);
    match(text, new RegExp(`^${login} logs in as tester \\(roles all\\) from 127\\.0\\.0\\.1\\.$`, "m"));
    match(text, /really run: what creates accounts creates them/);
    match(text, new RegExp(`pam_exec\\.so quiet \\S+create-account +PAM_SUCCESS \\(ok\\) +${stack}:1$`, "m"));
    match(text, new RegExp(`pam_unix\\.so +PAM_SUCCESS \\(ok\\) +${stack}:2$`, "m"));
    match(text, /^ {2}pam_acct_mgmt answers PAM_SUCCESS$/m);
    const uid = await uidOf(login);
    match(
      text,
      new RegExp(
        `^${login} is uid ${uid}, gid ${uid}, groups ${uid}, home /home/${login}, shell /bin/bash$`,
        "m",
      ),
    );
    match(text, new RegExp(`^${login} would be let in\\. The session was not tried`, "m"));
    doesNotMatch(text, /open_session/);
  });

  await t.step("the second module refuses with its text, and what follows it does not run", async () => {
    const script = await writeScript(state, "reason", "#!/bin/sh\necho The directory is down\nexit 3\n");
    await writeStack(
      state,
      `account required pam_permit.so\naccount requisite pam_exec.so stdout ${script}\n` +
        "account required pam_unix.so\nsession required pam_permit.so\n",
    );
    const { code, text } = await doctor(state, "--login", newLogin());
    strictEqual(code, 1);
    match(
      text,
      new RegExp(
        `pam_exec\\.so stdout \\S+/reason +PAM_SYSTEM_ERR \\(die\\) +${stack}:2\n {6}said: The directory`,
      ),
    );
    match(text, new RegExp(`pam_unix\\.so +not run +${stack}:3$`, "m"));
    match(text, /pam_acct_mgmt answers PAM_SYSTEM_ERR: System error/);
    match(
      text,
      /would be refused, and read: The host's account rules refuse this login.*The directory is down/,
    );
  });

  await t.step("a stack that creates nobody is told from one that refuses", async () => {
    await writeStack(state, "account required pam_permit.so\nsession required pam_permit.so\n");
    const { code, text } = await doctor(state, "--login", newLogin());
    strictEqual(code, 1);
    match(text, /pam_acct_mgmt answers PAM_SUCCESS/);
    match(text, /would be refused, and read: The account does not exist/);
  });

  await t.step("an expired account is named under Debian's own stack of sshd", async () => {
    const login = newLogin();
    await makeAccount(login);
    await writeStack(
      state,
      await Deno.readTextFile("/etc/pam.d/sshd").then((text) =>
        text.replaceAll("@include ", "@include /etc/pam.d/")
      ),
    );
    deepStrictEqual((await doctor(state, "--login", login)).code, 0);
    strictEqual((await run(["chage", "-E0", login])).code, 0);
    const { code, text } = await doctor(state, "--login", login);
    strictEqual(code, 1);
    match(
      text,
      /pam_unix\.so +PAM_ACCT_EXPIRED \(ignore\) +\/etc\/pam\.d\/common-account:\d+\n {6}said: Your account has expired.*\n +pam_deny\.so +PAM_AUTH_ERR \(die\) +.*\n +pam_permit\.so +not run/,
    );
    match(text, /pam_acct_mgmt answers PAM_AUTH_ERR: Authentication failure\n/);
  });

  await t.step("pam_nologin says why nobody may come in", async () => {
    const login = newLogin();
    await makeAccount(login);
    const notice = `${state}/nologin`;
    await Deno.writeTextFile(notice, "Back at noon\n");
    await writeStack(
      state,
      `account required pam_nologin.so file=${notice}\naccount required pam_unix.so\nsession required pam_permit.so\n`,
    );
    const { code, text } = await doctor(state, "--login", login);
    strictEqual(code, 1);
    match(text, /pam_nologin\.so file=\S+ +PAM_AUTH_ERR \(bad\).*\n {6}said: Back at noon/);
  });

  await t.step("a session is opened and closed only when asked for, and closed once", async () => {
    const login = newLogin();
    await makeAccount(login);
    const log = `${state}/session.log`;
    const script = await writeScript(
      state,
      "session",
      `#!/bin/sh\necho "$PAM_TYPE $PAM_USER $TELEPORT_USERNAME $TELEPORT_ROLES $PAM_RHOST" >> ${log}\n`,
    );
    const lines =
      `account required pam_unix.so\nauth required pam_permit.so\nsession required pam_exec.so ${script}\n`;
    await writeStack(state, lines);
    deepStrictEqual((await doctor(state, "--login", login)).code, 0);
    const good = await doctor(state, "--login", login, "--session", "--from", "192.0.2.7");
    strictEqual(good.code, 0, good.text);
    match(good.text, /pam_close_session answers PAM_SUCCESS/);
    const rest = `${login} tester all 192.0.2.7\n`;
    strictEqual(await Deno.readTextFile(log), `open_session ${rest}close_session ${rest}`);

    await writeStack(state, `${lines}session required pam_deny.so\n`);
    const bad = await doctor(state, "--login", login, "--session");
    strictEqual(bad.code, 1);
    match(bad.text, new RegExp(`pam_deny\\.so +PAM_SESSION_ERR \\(bad\\) +${stack}:4$`, "m"));
    match(bad.text, /would be refused, and read: The host could not open a PAM session/);
  });

  await t.step("a module that is not there, and a line that is none, are told", async () => {
    await writeStack(state, "account required pam_nowhere.so\nsession required pam_permit.so\n");
    const { code, text } = await doctor(state, "--login", newLogin());
    strictEqual(code, 1);
    match(text, /pam_nowhere\.so +PAM_MODULE_UNKNOWN \(bad\).*\n {6}libpam cannot load the module/);
  });

  await t.step(
    "a module that takes the worker with it is named, and what it had open is closed",
    async () => {
      const login = newLogin();
      await makeAccount(login);
      const log = `${state}/abort.log`;
      const script = await writeScript(state, "note", `#!/bin/sh\necho "$PAM_TYPE" >> ${log}\n`);
      const abort = await makeModule(
        state,
        "pam_abort",
        "int pam_sm_open_session(pam_handle_t *h, int f, int c, const char **v) { abort(); return 0; }\n" +
          "int pam_sm_close_session(pam_handle_t *h, int f, int c, const char **v) { return PAM_SUCCESS; }\n",
      );
      await writeStack(
        state,
        `account required pam_unix.so\nsession required pam_exec.so ${script}\nsession required ${abort}\n`,
      );
      const { code, text } = await doctor(state, "--login", login, "--session");
      strictEqual(code, 1);
      match(text, new RegExp(`worker has ended \\(signal 6\\), while it ran ${abort} \\(${stack}:3\\)`));
      strictEqual(await Deno.readTextFile(log), "open_session\nclose_session\n");
    },
  );

  await t.step("what it has opened is closed though somebody interrupts it", async () => {
    const login = newLogin();
    await makeAccount(login);
    const [log, gate] = [`${state}/interrupted.log`, `${state}/gate`];
    strictEqual((await run(["mkfifo", gate])).code, 0);
    const script = await writeScript(
      state,
      "slow",
      `#!/bin/sh\necho "$PAM_TYPE" >> ${log}\n[ "$PAM_TYPE" = close_session ] || read go < ${gate}\n`,
    );
    await writeStack(state, `account required pam_unix.so\nsession required pam_exec.so ${script}\n`);
    const [program, ...args] = doctorArgv(state, ["--login", login, "--session"]);
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    const lines = () => Deno.readTextFile(log).catch(() => "");
    await until("the session is being opened", async () => (await lines()) === "open_session\n");
    child.kill("SIGINT");
    strictEqual((await child.status).success, false);
    await Deno.writeTextFile(gate, "\n");
    await until("it is closed", async () => (await lines()) === "open_session\nclose_session\n");
    await until("the worker has tidied up", async () => (await named(state, /^dry-run/)).length === 0);
    deepStrictEqual(await named(state, /^doctor/), []);
  });

  await t.step("a module that hangs is named when the time of a login is over", async () => {
    const login = newLogin();
    await makeAccount(login);
    const script = await writeScript(state, "hang", `#!/bin/sh\nexec sleep 100000\n`);
    await writeStack(
      state,
      `account required pam_unix.so\naccount required pam_exec.so ${script}\nsession required pam_permit.so\n`,
    );
    const { code, text } = await doctor(state, "--config", await changed(state, impatient), "--login", login);
    strictEqual(code, 1);
    match(
      text,
      new RegExp(
        `^PAM was not through within host\\.LoginGraceTime \\(1 s\\), while it ran pam_exec\\.so \\S+ \\(${stack}:2\\)\\.$`,
        "m",
      ),
    );
    deepStrictEqual(await named(state, /^(doctor|dry-run)/), []);
  });

  await t.step("who may have the login is told, and a login that nobody may have is refused", async () => {
    await writeStack(state, await creatingStack(state));
    const allowed = newLogin();
    match(
      (await doctor(state, "--login", allowed)).text,
      new RegExp(`^${allowed} may be had by tester by key \\(role all\\)\\.$`, "m"),
    );
    const [guest, nobody] = [newLogin(), newLogin()];
    const config = await changed(state, (config) => {
      config.roles = { all: { logins: ["somebody-else"] }, guests: { logins: [guest] } };
      config.pam_logins = { [guest]: ["guests"] };
      config.ssh_service.pam.use_pam_auth = "yes";
    });
    const byPam = await doctor(state, "--config", config, "--login", guest);
    match(
      byPam.text,
      new RegExp(`^${guest} may be had by whoever PAM knows by that name \\(role guests\\)\\.$`, "m"),
    );
    match(byPam.text, new RegExp(`^${guest} would be let in\\.`, "m"));
    // Which a dry run, where nobody gives a password, would not notice.
    match(byPam.text, new RegExp(`^${stack}:1: There is no auth line`, "m"));
    const refused = await doctor(state, "--config", config, "--login", nobody);
    strictEqual(refused.code, 1);
    match(refused.text, new RegExp(`^Nobody may have the login ${nobody}: no role of a user allows it`));
    doesNotMatch(refused.text, /would be let in|PAM_SUCCESS/);
    strictEqual(await uidOf(nobody), null);
  });

  await t.step("options that mean nothing are mistakes", async () => {
    const usage = (...args: string[]) => run(doctorArgv(state, args));
    const nonsense = await usage("--login", newLogin(), "--from", "nonsense");
    deepStrictEqual([nonsense.code, nonsense.stdout], [100, ""]);
    match(nonsense.stderr, /^--from must be a numeric address such as \S+ or \S+, not "nonsense"\n$/);
    for (const lost of [["--session"], ["--from", "192.0.2.7"], ["--host", "local"]]) {
      const { code, stderr } = await usage(...lost);
      strictEqual(code, 100);
      strictEqual(stderr, `${lost[0]} can only be given together with --login NAME\n`);
    }
  });

  deepStrictEqual(await named(state, /^(doctor|dry-run)/), []);
  strictEqual(await sallyport.leases(), 0);
});
