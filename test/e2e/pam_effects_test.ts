import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { run } from "../support/command.ts";
import { replaceFiles } from "../support/files.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { startPair } from "../support/pair.ts";

const folder = "/etc/sallyport-test";

/** What differs between any two logins, or is Sallyport's own beside what sshd gives. */
const ownVariables = /^(SSH_CLIENT|SSH_CONNECTION|TELEPORT_(USERNAME|LOGIN|ROLES))=/;

function variables(output: string): string[] {
  return output.trim().split("\n").filter((line) => !ownVariables.test(line)).sort();
}

Deno.test("what the modules of a stack do to a session, they do as under sshd", async (t) => {
  const login = newLogin();
  await makeAccount(login);
  await run(["groupadd", "-f", "night"]);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/limits.conf`,
    [
      ...["soft core 5", "hard core 7", "soft nofile 200", "hard nofile 300", "soft nproc 400"],
      ...["hard nproc 500", "hard fsize 100000", "- memlock 64", "- sigpending 100", "- msgqueue 4096"],
      ...["soft stack 4096", "- cpu 5", "- priority 3", "- locks 50"],
    ].map((line) => `${login} ${line}\n`).join(""),
  );
  await Deno.writeTextFile(`${folder}/env.file`, 'FROM_FILE="two words"\nFROM_ENVIRONMENT=2\n');
  await Deno.writeTextFile(
    `${folder}/env.conf`,
    "SEEN DEFAULT=@{PAM_USER}/@{PAM_TTY}/@{PAM_RHOST}/@{HOME}/@{SHELL}\nGREETING DEFAULT=hi OVERRIDE=${SEEN}\n",
  );
  await Deno.writeTextFile(`/home/${login}/.pam_environment`, "MINE DEFAULT=yes\n");
  await using _files = await replaceFiles({
    "/etc/environment": "PATH=/opt/bin:/usr/bin:/bin\nFROM_ENVIRONMENT=1\nHOME=/tmp\nTERM=odd\nMAIL=/m\n",
    "/etc/security/group.conf": `sshd;ssh;${login};Al0000-2400;night,games\n`,
  });
  await using pair = await startPair([
    "auth required pam_permit.so",
    "auth optional pam_group.so",
    "account required pam_unix.so",
    "session required pam_loginuid.so",
    "session optional pam_keyinit.so force revoke",
    `session required pam_limits.so conf=${folder}/limits.conf`,
    `session required pam_env.so conffile=${folder}/env.conf user_readenv=1`,
    `session required pam_env.so readenv=1 envfile=${folder}/env.file`,
    "session optional pam_umask.so umask=027",
    "session required pam_permit.so",
    "",
  ].join("\n"));

  await t.step("pam_limits: soft and hard limits, priority", async () => {
    match(await pair.same(login, "ulimit -Sn; ulimit -Hn; nice"), /^200\n300\n3\n$/);
    await pair.same(login, "ulimit -Sa; ulimit -Ha; cat /proc/self/limits");
  });
  await t.step("pam_umask", async () => {
    strictEqual(await pair.same(login, "umask; touch made; stat -c %a made; rm made"), "0027\n640\n");
  });
  await t.step("pam_group: setcred", async () => {
    match(await pair.same(login, "id -Gn"), /\bgames\b.*\bnight\b|\bnight\b.*\bgames\b/);
    await pair.same(login, "id; id -G");
  });
  await t.step("pam_env: files, items, and the last word", async () => {
    const { ours, theirs } = await pair.run(login, "/usr/bin/env");
    deepStrictEqual(variables(ours.stdout), variables(theirs.stdout));
    const text = ours.stdout;
    match(text, /^PATH=\/opt\/bin:/m);
    match(text, /^FROM_FILE=two words$/m);
    match(text, /^MINE=yes$/m);
    match(text, new RegExp(`^GREETING=${login}/ssh/(localhost|127\\.0\\.0\\.1)/`, "m"));
  });
  await t.step("pam_env on a terminal", async () => {
    const { ours, theirs } = await pair.run(login, "tty > /dev/null && /usr/bin/env", {
      options: ["-tt"],
      env: { TERM: "xterm" },
    });
    const here = (output: string) =>
      variables(output.replaceAll("\r", "").replace(/^SSH_TTY=.*$/m, "SSH_TTY"));
    deepStrictEqual(here(ours.stdout), here(theirs.stdout));
    match(ours.stdout, /^SSH_TTY/m);
  });
  await t.step("pam_loginuid, and an audit session of its own", async () => {
    const { stdout: uid } = await run(["id", "-u", login]);
    strictEqual(await pair.same(login, "cat /proc/self/loginuid"), uid.trim());
    const session = async () => (await pair.run(login, "cat /proc/self/sessionid")).ours.stdout;
    const [first, second] = [await session(), await session()];
    const service = pair.sallyport.process("monitor").pid;
    const own = await Deno.readTextFile(`/proc/${service}/sessionid`);
    strictEqual(new Set([first, second, own]).size, 3);
  });
});
