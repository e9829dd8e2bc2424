import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { makeSession, sallyportLog, startWithAccounts } from "../support/accounts.ts";
import { run, shell } from "../support/command.ts";
import { makeAccount, newLogin } from "../support/logins.ts";
import { until } from "../support/wait.ts";

async function lineOf(database: string, name: string): Promise<string> {
  return (await run(["getent", database, name])).stdout;
}

async function sha256(...files: string[]): Promise<string> {
  return (await run(["sha256sum", ...files])).stdout;
}

function isGone(path: string): Promise<boolean> {
  return Deno.lstat(path).then(() => false, () => true);
}

const accountFiles = ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid"];

Deno.test("the first login makes the account as configured, and later logins find it as it is", async () => {
  // None of these may show: Teleport's users were surprised by each of them.
  const defaults = await Deno.readTextFile("/etc/default/useradd");
  await using after = new AsyncDisposableStack();
  after.defer(() => Deno.writeTextFile("/etc/default/useradd", defaults));
  await Deno.writeTextFile(
    "/etc/default/useradd",
    "SHELL=/bin/false\nEXPIRE=2020-01-01\nINACTIVE=0\nGROUP=1\n",
  );
  // sudo looks up the name of the machine.
  await Deno.writeTextFile("/etc/hosts", `127.0.0.1 localhost ${Deno.hostname()}\n`);
  await run(["groupadd", "existing"]);
  const existing = await lineOf("group", "existing");
  await using host = await startWithAccounts({
    mode: "keep",
    groups: ["existing", "fresh"],
    sudoers: ["ALL=(ALL:ALL) NOPASSWD: /usr/bin/id"],
  });
  const login = newLogin();
  const first = await host.sallyport.ssh(
    login,
    "id -u; id -gn; id -Gn | tr ' ' '\\n' | sort | xargs; pwd; echo $SHELL; sudo -n id -u; touch mine",
  );
  strictEqual(first.stderr, "");
  deepStrictEqual(first.stdout.split("\n"), [
    ...["70000", login, `existing fresh sallyport-keep ${login}`, `/home/${login}`, "/bin/bash", "0", ""],
  ]);
  match(
    await lineOf("passwd", login),
    new RegExp(`^${login}:x:70000:70000:Sallyport:/home/${login}:/bin/bash$`, "m"),
  );
  match(await lineOf("shadow", login), new RegExp(`^${login}:!:\\d+:0::7:::$`, "m"));
  const home = await shell(
    'cd "$1" && stat -c "%n %u:%g %a" . .bashrc .profile && cmp .bashrc /etc/skel/.bashrc',
    [
      `/home/${login}`,
    ],
  );
  strictEqual(home.stdout, ". 70000:70000 700\n.bashrc 70000:70000 644\n.profile 70000:70000 644\n");
  strictEqual(home.code, 0);
  const sudoers = await Deno.lstat("/etc/sudoers.d/sallyport-70000");
  deepStrictEqual([sudoers.mode! & 0o7777, sudoers.uid, sudoers.gid], [0o440, 0, 0]);
  strictEqual(await lineOf("group", "existing"), existing.trim() + `${login}\n`);

  const before = await sha256(...accountFiles);
  const second = await host.sallyport.ssh(login, "ls; id -u");
  strictEqual(second.stdout, "mine\n70000\n");
  strictEqual(await sha256(...accountFiles), before);
  deepStrictEqual(host.ledger().accounts[login]?.state, "made");

  // What the administrator gives by hand stays; what only the configuration gave goes with it.
  await run(["groupadd", "byhand"]);
  await run(["gpasswd", "--add", login, "byhand"]);
  await using later = await startWithAccounts({
    mode: "keep",
    groups: ["fresh", "newer"],
    ledger: host.ledgerFile,
  });
  const third = await later.sallyport.ssh(login, "id -u; id -Gn | tr ' ' '\\n' | sort | xargs");
  strictEqual(third.stdout, `70000\nbyhand fresh newer sallyport-keep ${login}\n`);
  strictEqual(await isGone("/etc/sudoers.d/sallyport-70000"), true);
});

Deno.test("an ephemeral account goes with its last process and its last login, and with all that was its own", async () => {
  await Deno.mkdir("/var/tmp/outside");
  await Deno.writeTextFile("/var/tmp/outside/kept", "");
  await using host = await startWithAccounts({
    mode: "ephemeral",
    uid_range: "72000-72999",
    sudoers: ["ALL=(root) NOPASSWD: /usr/bin/id"],
  });
  const { sallyport } = host;
  const login = newLogin();
  const gone = async () => await lineOf("passwd", login) === "";

  const started = await sallyport.ssh(
    login,
    "ln -s /var/tmp/outside out; nohup sleep 1000 > /dev/null 2>&1 & echo $!",
  );
  const sleeper = Number(started.stdout);
  await sallyportLog(sallyport, /is kept: it is in use/, login);
  strictEqual(await gone(), false, "the sleeper keeps it");
  Deno.kill(sleeper, "SIGKILL");
  // Its last step; before it the line in passwd is the first of many things to go.
  await sallyportLog(sallyport, /Removed the account/, login);
  strictEqual(await gone(), true);
  await until("its home is gone", () => isGone("/home/.sallyport-removed-72000"));
  strictEqual(await lineOf("group", login), "");
  const left = await shell(
    'grep -l "$1" /etc/passwd /etc/shadow /etc/group /etc/subuid; ls -d "/home/$1" /etc/sudoers.d/sallyport-72000',
    [
      login,
    ],
  );
  strictEqual(left.stdout, "");
  strictEqual((await Deno.stat("/var/tmp/outside/kept")).isFile, true, "links in a home are not followed");
  deepStrictEqual([...Deno.readDirSync(`${sallyport.state}/run/accounts`)], []);
});

Deno.test("without PAM, too, an account is made, and kept as long as a connection without any process", async () => {
  await using host = await startWithAccounts({ mode: "ephemeral", uid_range: "72000-72999" }, {
    stack: null,
  });
  const { sallyport } = host;
  const [login, other] = [newLogin(), newLogin()];
  {
    await using _session = await makeSession(sallyport, login);
    strictEqual((await sallyport.ssh(other, "id -un")).stdout, `${other}\n`);
    await until("a sweep has removed another account", async () => await lineOf("passwd", other) === "");
    strictEqual(await lineOf("passwd", login) === "", false);
  }
  await until("it is gone", async () => await lineOf("passwd", login) === "");
});

Deno.test("a uid is given once: to another login never, to the same login again", async () => {
  await using host = await startWithAccounts({ mode: "ephemeral", uid_range: "71000-71002" });
  const { sallyport } = host;
  const [one, two, three] = [newLogin(), newLogin(), newLogin()];
  const uidOf = async (login: string) => {
    const { stdout } = await sallyport.ssh(login, "id -u");
    await until("it is gone", async () => await lineOf("passwd", login) === "");
    return Number(stdout);
  };
  // A stranger sits on one uid of the range.
  await makeAccount(newLogin(), "--uid", "71001");
  strictEqual(await uidOf(one), 71000);
  strictEqual(await uidOf(two), 71002);
  strictEqual(await uidOf(one), 71000);
  match(await sallyport.refusal(three), /could not create the account/);
  match(sallyport.logs(), /all from 71000 to 71002 were given already/);
});

for (const [mode, stranger] of [["off", 73_100], ["keep", 73_200], ["ephemeral", 73_300]] as const) {
  Deno.test(`with mode ${mode} accounts and groups of others stay as they are`, async () => {
    const [foreign, marked, group] = [newLogin(), newLogin(), newLogin()];
    await run(["groupadd", "-f", "--system", "sallyport-ephemeral"]);
    await run(["groupadd", group]);
    await makeAccount(foreign, "--shell", "/bin/sh");
    // As somebody may do who knows Teleport's marker groups: that alone does not make it ours.
    await makeAccount(marked, "--uid", String(stranger), "--groups", "sallyport-ephemeral");
    await using host = await startWithAccounts({
      mode,
      groups: ["sallyport-test"],
      sudoers: ["ALL=(ALL) NOPASSWD: ALL"],
      uid_range: `${stranger - 10}-${stranger + 10}`,
    });
    const { sallyport } = host;
    const before = await sha256(...accountFiles);
    for (const login of [foreign, marked]) {
      const { stdout, stderr } = await sallyport.ssh(login, "id -un; sudo -n true 2>&1 | head -c 4; id -Gn");
      match(stdout, new RegExp(`^${login}\nsudo${login}( sallyport-ephemeral)?\n$`), stderr);
    }
    strictEqual((await sallyport.ssh(foreign, "echo $SHELL")).stdout, "/bin/sh\n");
    if (mode !== "off") {
      match(await sallyport.refusal(group), /could not create the account/);
      match(sallyport.logs(), new RegExp(`there is a group of that name`));
    }
    if (mode === "ephemeral") {
      const other = newLogin();
      await sallyport.ssh(other, "true");
      await until("a sweep has removed an account of ours", async () => await lineOf("passwd", other) === "");
      await until(
        "no lock file is left",
        () => [...Deno.readDirSync(`${sallyport.state}/run/accounts`)].length === 0,
      );
    }
    const names = ["/etc/passwd", "/etc/shadow"];
    const changed = (await sha256(...names)) === before.split("\n").slice(0, 2).join("\n") + "\n";
    strictEqual(changed, true, "passwd and shadow are as before");
    strictEqual(
      await lineOf("group", group),
      `${group}:x:${(await lineOf("group", group)).split(":")[2]}:\n`,
    );
    strictEqual((await Deno.stat(`/home/${foreign}`)).isDirectory, true);
    strictEqual((await Deno.stat(`/home/${marked}`)).isDirectory, true);
  });
}
