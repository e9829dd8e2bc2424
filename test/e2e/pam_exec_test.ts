import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { makeAccount, newLogin } from "../support/logins.ts";
import { type Both, type Pair, startPair } from "../support/pair.ts";
import { ssh } from "../support/ssh.ts";
import { writeScript } from "../support/stacks.ts";
import { until } from "../support/wait.ts";

/**
 * What Sallyport adds to a script's environment (Teleport's names), and what sshd adds
 * (the whole public key); the connection's ports differ by nature.
 */
const ownVariables = /^(TELEPORT_|SSH_AUTH_INFO_0=|SSH_CONNECTION=)/;

/** Runs `command` through each, and gives what the scripts left in `folder`, file by file. */
async function leftBehind(pair: Pair, folder: string, login: string, files: string[]) {
  const through = async (target: typeof pair.sshd | typeof pair.sallyport) => {
    const { code, stderr } = await ssh(target, login, "true");
    strictEqual(code, 0, stderr);
    const texts: Record<string, string> = {};
    for (const name of files) {
      texts[name] = await until(`${name} is written`, () => Deno.readTextFile(`${folder}/${name}`));
      await Deno.remove(`${folder}/${name}`);
    }
    return texts;
  };
  const both: Both<Record<string, string>> = {
    theirs: await through(pair.sshd),
    ours: await through(pair.sallyport),
  };
  return both;
}

/** Sorted, without what differs for a reason. */
const comparable = (text: string) =>
  text.split("\n").filter((line) => line !== "" && !ownVariables.test(line)).sort().join("\n");

Deno.test("pam_exec runs its scripts as under sshd, with every option", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "exec-" });
  await Deno.chmod(folder, 0o755);
  const login = newLogin();
  await makeAccount(login);
  const permit = "account required pam_permit.so\nsession required pam_permit.so\n";
  await using pair = await startPair(permit);
  const script = (name: string, text: string) => writeScript(folder, name, `#!/bin/sh\n${text}\n`);
  const types = ["account", "open_session", "close_session"];

  await t.step("environment and ids, for account, open_session and close_session", async () => {
    // Renamed when complete: nobody reads half of it.
    const write = await script(
      "write",
      `{ env; echo "args=$*"; echo "ids=$(id -u):$(id -ru):$(id -g)"; echo "umask=$(umask)"; echo "cwd=$(pwd)"; } ` +
        `> ${folder}/.$PAM_TYPE && mv ${folder}/.$PAM_TYPE ${folder}/$PAM_TYPE`,
    );
    await pair.use(
      `account required pam_exec.so ${write} one two\nsession required pam_exec.so seteuid ${write}\n${permit}`,
    );
    const { ours, theirs } = await leftBehind(pair, folder, login, types);
    for (const type of types) {
      strictEqual(comparable(ours[type]!), comparable(theirs[type]!), type);
      const variables = ours[type]!.split("\n");
      for (
        const line of [
          "PAM_SERVICE=sshd",
          `PAM_TYPE=${type}`,
          `PAM_USER=${login}`,
          "PAM_RHOST=127.0.0.1",
          "PAM_TTY=ssh",
          "TELEPORT_USERNAME=tester",
          `TELEPORT_LOGIN=${login}`,
          "TELEPORT_ROLES=all",
        ]
      ) {
        ok(variables.includes(line), `${line} is missing for ${type}`);
      }
      match(ours[type]!, /^SSH_CONNECTION=127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+$/m);
    }
    match(ours.account!, /^args=one two$/m);
    match(ours.open_session!, /^ids=0:0:0$/m);
  });
  await t.step("type= runs it for that call only", async () => {
    const count = await script("count", `echo "$PAM_TYPE" >> ${folder}/count.log`);
    const end = await script(
      "end",
      `[ "$PAM_TYPE" != close_session ] || mv ${folder}/count.log ${folder}/counted`,
    );
    await pair.use(
      [
        ...types.slice(0, 1).map((type) => `account optional pam_exec.so type=${type} ${count}`),
        `account optional pam_exec.so type=auth ${count}`,
        `session optional pam_exec.so type=open_session ${count}`,
        `session optional pam_exec.so ${end}`,
        permit,
      ].join("\n"),
    );
    const { ours, theirs } = await leftBehind(pair, folder, login, ["counted"]);
    deepStrictEqual(ours, theirs);
    deepStrictEqual(ours, { counted: "account\nopen_session\n" });
  });
  await t.step("log= takes what a script says", async () => {
    const say = await script("say", 'echo "said by $PAM_TYPE"; echo "and complained" >&2');
    const end = await script("end", `[ "$PAM_TYPE" != close_session ] || mv ${folder}/log ${folder}/logged`);
    await pair.use(
      `session required pam_exec.so debug log=${folder}/log ${say}\nsession optional pam_exec.so ${end}\n${permit}`,
    );
    const { ours, theirs } = await leftBehind(pair, folder, login, ["logged"]);
    const undated = (text: string) => text.replaceAll(/^\*\*\* .*$/gm, "*** DATE");
    strictEqual(undated(ours.logged!), undated(theirs.logged!));
    match(ours.logged!, /said by open_session\nand complained/);
  });
  await t.step("stdout shows it to the person", async () => {
    const say = await script(
      "say",
      '[ "$PAM_TYPE" = close_session ] || { echo "Hello from $PAM_TYPE"; echo "on two lines" >&2; }',
    );
    await pair.use(
      `account required pam_exec.so stdout ${say}\nsession required pam_exec.so stdout ${say}\n${permit}`,
    );
    const { ours, theirs } = await pair.screens(login, "exit");
    strictEqual(ours, theirs);
    match(ours, /^Hello from account\non two lines\nHello from open_session\non two lines\n/);
  });
  await t.step("a failing script refuses, and says so unless it is to be quiet", async () => {
    const fail = await script("fail", "exit 3");
    for (
      const [options, isTold] of [["", true], ["quiet", false], ["quiet_log", true], ["debug", true]] as const
    ) {
      await pair.use(`account required pam_exec.so ${options} ${fail}\n${permit}`);
      const said = async (target: typeof pair.sshd | typeof pair.sallyport) => {
        const { code, stderr } = await ssh(target, login, "true", { options: ["-o", "LogLevel=INFO"] });
        strictEqual(code, 255);
        return stderr.includes(`${fail} failed: exit code 3`);
      };
      deepStrictEqual([await said(pair.sallyport), await said(pair.sshd)], [isTold, isTold], options);
    }
  });
  await t.step("a script that is not there refuses", async () => {
    await pair.use(`account required pam_exec.so ${folder}/nowhere\n${permit}`);
    for (const { code } of Object.values(await pair.run(login, "true"))) strictEqual(code, 255);
  });
  await Deno.remove(folder, { recursive: true });
});
