import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { accountWith, makeAccount, newLogin } from "../support/logins.ts";
import { startPair } from "../support/pair.ts";
import { person } from "../support/person.ts";
import { ssh, type SshTarget } from "../support/ssh.ts";
import { writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

const hooks = ["acct", "ses_open", "ses_close"] as const;

Deno.test("pam_script's auth and passwd hooks have the secrets, and nobody else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "script-" });
  await Deno.chmod(folder, 0o755);
  for (const hook of ["auth", "passwd"]) {
    await writeScript(
      folder,
      `pam_script_${hook}`,
      // pam_script asks twice for a change: whether it may, and to do it.
      `#!/bin/sh\nenv | grep ^PAM_ | sort > ${folder}/${hook}.$PAM_USER\n`,
    );
  }
  await using pair = await startPair(
    [
      `auth required pam_script.so dir=${folder}`,
      "account required pam_unix.so",
      `password required pam_script.so dir=${folder}`,
      "session required pam_permit.so",
      "",
    ].join("\n"),
    { asks: true },
  );
  const story = async (target: SshTarget) => {
    const login = await accountWith("first secret");
    await run(["chage", "-d", "0", login]);
    const somebody = await person("keyboard-interactive", [
      ...["first secret", "first secret", "second secret", "second secret"],
    ]);
    const { code, stdout, stderr } = await ssh(target, login, "env", somebody.options);
    const hooks = await Promise.all(
      ["auth", "passwd"].map((hook) =>
        Deno.readTextFile(`${folder}/${hook}.${login}`).catch(() => "not run")
      ),
    );
    const plain = (text: string) => text.replaceAll(login, "LOGIN");
    return {
      code,
      stderr: plain(stderr),
      hooks: hooks.map(plain),
      asked: somebody.asked().map(plain),
      stdout,
    };
  };
  const { theirs, ours } = await pair.both(story);
  deepStrictEqual([ours.code, ours.hooks], [theirs.code, theirs.hooks]);
  match(ours.hooks[0]!, /^PAM_AUTHTOK=first secret$/m);
  match(ours.hooks[1]!, /^PAM_AUTHTOK=second secret$/m);
  doesNotMatch(ours.stdout, /PAM_|secret/);
  doesNotMatch(pair.sallyport.logs(), /(first|second) secret/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("pam_script runs its hooks as under sshd", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "script-" });
  await Deno.chmod(folder, 0o755);
  const login = newLogin();
  await makeAccount(login);
  const note = (hook: string) =>
    writeScript(
      folder,
      `pam_script_${hook}`,
      `#!/bin/sh\necho said to nobody\n{ env; echo "args=$*"; echo "ids=$(id -u):$(id -ru)"; } > ${folder}/.${hook}\n` +
        `mv ${folder}/.${hook} ${folder}/${hook}\n`,
    );
  for (const hook of hooks) await note(hook);
  const line = (type: string, options = "") => `${type} required pam_script.so dir=${folder} ${options}\n`;
  const permit = "account required pam_permit.so\nsession required pam_permit.so\n";
  await using pair = await startPair(line("account", "extra=1") + line("session") + permit);

  /** Logs in, and gives what each hook wrote down. */
  const through = async (target: SshTarget) => {
    const { code, stdout, stderr } = await ssh(target, login, "echo only this");
    deepStrictEqual([code, stdout, stderr], [0, "only this\n", ""]);
    const texts: string[][] = [];
    for (const hook of hooks) {
      const text = await until(`${hook} has run`, () => Deno.readTextFile(`${folder}/${hook}`));
      await Deno.remove(`${folder}/${hook}`);
      texts.push(text.split("\n"));
    }
    return texts;
  };

  await t.step("the PAM items, arguments and ids are sshd's", async () => {
    const [theirs, ours] = [await through(pair.sshd), await through(pair.sallyport)];
    const comparable = (lines: string[]) => lines.filter((line) => /^(PAM_|args=|ids=)/.test(line)).sort();
    for (const [index, hook] of hooks.entries()) {
      deepStrictEqual(comparable(ours[index]!), comparable(theirs[index]!), hook);
    }
    const [account] = ours;
    for (
      const line of [`PAM_USER=${login}`, "PAM_RHOST=127.0.0.1", "PAM_TTY=ssh", "ids=0:0"]
    ) {
      strictEqual(account!.includes(line), true, line);
    }
    match(account!.join("\n"), /^args=.*extra=1$/m);
  });
  await t.step("the rest of their environment is Teleport's names and a service's plain one", async () => {
    const names = new Set(
      (await through(pair.sallyport)).flat().map((line) => line.split("=")[0]!)
        .filter((name) => /^[A-Z]/.test(name) && !name.startsWith("PAM_")),
    );
    for (const name of ["TELEPORT_USERNAME", "TELEPORT_LOGIN", "TELEPORT_ROLES"]) {
      strictEqual(names.delete(name), true, name);
    }
    for (const name of ["PATH", "HOME", "LANG", "PWD", "DENO_DIR"]) names.delete(name);
    deepStrictEqual([...names], []);
  });
  await t.step("a failing account hook refuses, onerr= decides about a missing one", async () => {
    await writeScript(folder, "pam_script_acct", "#!/bin/sh\nexit 1\n");
    const codes = async () => Object.values(await pair.run(login, "true")).map(({ code }) => code);
    deepStrictEqual(await codes(), [255, 255]);
    await Deno.remove(`${folder}/pam_script_acct`);
    await pair.use(line("account", "onerr=fail") + permit);
    deepStrictEqual(await codes(), [255, 255]);
    await pair.use(line("account", "onerr=success") + permit);
    deepStrictEqual(await codes(), [0, 0]);
  });
  await Deno.remove(folder, { recursive: true });
});
