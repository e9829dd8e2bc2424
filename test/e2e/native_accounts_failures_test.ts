import { deepStrictEqual, match, notStrictEqual, rejects, strictEqual } from "node:assert/strict";
import {
  holdPasswordFiles,
  makeSession,
  requireIntactFiles,
  sallyportLog,
  startWithAccounts,
} from "../support/accounts.ts";
import { run } from "../support/command.ts";
import { firstLines } from "../support/lines.ts";
import { newLogin } from "../support/logins.ts";
import { allProcesses, isAlive, processTree, signal } from "../support/processes.ts";
import type { Sallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

async function lineOf(database: string, name: string): Promise<string> {
  return (await run(["getent", database, name])).stdout;
}

/** Kills the worker while its useradd waits for the password files, and then useradd. */
async function dieInUseradd(sallyport: Sallyport, login: string): Promise<void> {
  const client = sallyport.spawn(login, "true");
  const useradd = await until(
    "useradd runs",
    () => allProcesses().find(({ argv }) => argv[0] === "useradd" && argv.includes(login)),
  );
  signal(useradd.parent, "SIGKILL");
  await client.status;
  await Promise.all([client.stdout.cancel(), client.stderr.cancel(), client.stdin.close().catch(() => {})]);
  strictEqual(isAlive(useradd.pid), true, "useradd goes on by itself, with the lock");
  signal(useradd.pid, "SIGKILL");
}

/** All at once, as when the power goes. */
async function cutPower(sallyport: Sallyport): Promise<void> {
  const all = processTree(sallyport.child.pid);
  for (const { pid } of all) signal(pid, "SIGKILL");
  await until("nothing runs any more", () => !all.some(({ pid }) => isAlive(pid)));
}

Deno.test("rules that visudo refuses are not installed, and nobody is made with them", async () => {
  const rules = () => [...Deno.readDirSync("/etc/sudoers.d")].map(({ name }) => name).sort();
  const before = rules();
  await using host = await startWithAccounts({ mode: "keep", sudoers: ["ALL=(ALL NOPASSWD: ALL"] });
  const login = newLogin();
  match(await host.sallyport.refusal(login), /could not create the account; ask the host's administrator/);
  match(host.sallyport.logs(), /Cannot use host\.accounts\.sudoers: visudo ended with.*syntax error/);
  strictEqual(await lineOf("passwd", login), "");
  deepStrictEqual(rules(), before);
});

Deno.test("rules for sudo without sudo keep the host from starting, with a sentence", async () => {
  await run(["mount", "--bind", "/dev/null", "/usr/sbin/visudo"]);
  try {
    const starting = startWithAccounts({ mode: "keep", sudoers: ["ALL=(ALL) NOPASSWD: ALL"] });
    await rejects(starting, /host\.accounts\.sudoers must be empty where sudo is not installed/);
  } finally {
    await run(["umount", "/usr/sbin/visudo"]);
  }
});

Deno.test("a worker that dies while useradd runs leaves nothing that the next login does not mend", async () => {
  await using host = await startWithAccounts({ mode: "keep", uid_range: "74000-74999" });
  const { sallyport } = host;
  const login = newLogin();
  strictEqual((await sallyport.ssh(newLogin(), "id -u")).stdout, "74000\n", "the marker group is there");
  {
    using _held = holdPasswordFiles();
    await dieInUseradd(sallyport, login);
    strictEqual(host.ledger().accounts[login]?.state, "making");
    // As far as it may have come, and its own lock with the pid of a process that is gone (passwd.lock of shadow).
    await Deno.writeTextFile("/etc/passwd.lock", (await run(["sh", "-c", "echo $$"])).stdout.trim());
    const half = `${login}:x:74001:74001:Sallyport:/home/${login}:/bin/bash\n`;
    await Deno.writeTextFile("/etc/passwd", half, { append: true });
  }
  const { stdout, stderr } = await sallyport.ssh(login, "id -u; id -un; pwd; test -f .bashrc && echo skel");
  deepStrictEqual([stdout, stderr], [`74001\n${login}\n/home/${login}\nskel\n`, ""]);
  match(await lineOf("shadow", login), /:!:/);
  strictEqual(host.ledger().accounts[login]?.state, "made");
  await requireIntactFiles();

  const lost = newLogin();
  {
    using _held = holdPasswordFiles();
    await dieInUseradd(sallyport, lost);
  }
  await until(
    "who does not come again is forgotten",
    () => host.ledger().accounts[lost]?.state === "removed",
  );
  strictEqual(await lineOf("passwd", lost), "");
  await until(
    "no lock file is left",
    () => [...Deno.readDirSync(`${sallyport.state}/run/accounts`)].length === 0,
  );
});

Deno.test("with a damaged ledger nobody is made and nobody is lost", async () => {
  await using host = await startWithAccounts({ mode: "ephemeral", uid_range: "75000-75999" });
  const { sallyport } = host;
  const [ours, another] = [newLogin(), newLogin()];
  await using _session = await makeSession(sallyport, ours);
  const text = await Deno.readTextFile(host.ledgerFile);
  await Deno.writeTextFile(host.ledgerFile, text.slice(0, -20));
  match(await sallyport.refusal(another), /could not create the account/);
  match(sallyport.logs(), /The ledger of accounts .* is damaged/);
  strictEqual(await lineOf("passwd", another), "");
  strictEqual((await sallyport.ssh(ours, "id -u")).stdout, "75000\n", "who exists gets in");

  await Deno.writeTextFile(host.ledgerFile, text);
  strictEqual((await sallyport.ssh(another, "id -u")).stdout, "75001\n", "restored, it goes on");
});

Deno.test("an ephemeral account whose worker was killed is swept once its processes are gone", async () => {
  await using host = await startWithAccounts({ mode: "ephemeral", uid_range: "76000-76999" });
  const { sallyport } = host;
  const login = newLogin();
  const client = sallyport.spawn(login, "echo $$; exec sleep 1000");
  const sleeper = Number((await firstLines(client.stdout, 1))[0]);
  const [journal] = await sallyport.journals();
  signal(journal!.pid, "SIGKILL");
  await client.status;
  await sallyportLog(sallyport, /is kept: it is in use/, login);
  notStrictEqual(await lineOf("passwd", login), "");
  signal(sleeper, "SIGKILL");
  await until("it is gone", async () => await lineOf("passwd", login) === "");
  await Promise.all([client.stderr.cancel(), client.stdin.close().catch(() => {})]);
});

Deno.test("after a reboot in the middle of sessions the accounts left are usable, and go as they should", async () => {
  const accounts = { mode: "ephemeral", uid_range: "77000-77999", ledger: "/var/lib/sallyport-test.json" };
  const [returning, gone] = [newLogin(), newLogin()];
  {
    await using host = await startWithAccounts(accounts);
    for (const login of [returning, gone]) {
      const client = host.sallyport.spawn(login, "echo up; exec sleep 1000");
      await firstLines(client.stdout, 1);
      await Promise.all([client.stderr.cancel(), client.stdin.close().catch(() => {})]);
    }
    await cutPower(host.sallyport);
    for (const { pid, uid } of allProcesses()) if (uid >= 77000 && uid <= 77999) signal(pid, "SIGKILL");
  }
  notStrictEqual(await lineOf("passwd", returning), "");
  // The run directory is another one, as after a boot.
  await using host = await startWithAccounts(accounts);
  {
    await using _session = await makeSession(host.sallyport, returning);
    strictEqual((await host.sallyport.ssh(returning, "id -u")).stdout, "77000\n", "its uid of before");
    await until("the other one is gone", async () => await lineOf("passwd", gone) === "");
    notStrictEqual(await lineOf("passwd", returning), "", "who is logged in stays");
  }
  await until("it is gone too", async () => await lineOf("passwd", returning) === "");
});

Deno.test("a lost ledger is rebuilt from the marker groups, and no uid is given twice", async () => {
  const accounts = { mode: "keep", uid_range: "78000-78999", ledger: "/var/lib/sallyport-lost.json" };
  const [first, second, third] = [newLogin(), newLogin(), newLogin()];
  {
    await using host = await startWithAccounts(accounts);
    for (const login of [first, second]) await host.sallyport.ssh(login, "true");
  }
  await Deno.remove(accounts.ledger);
  await using host = await startWithAccounts({ ...accounts, groups: ["sallyport-rebuilt"] });
  strictEqual((await host.sallyport.ssh(third, "id -u")).stdout, "78002\n");
  match(
    (await host.sallyport.ssh(first, "id -u; id -Gn")).stdout,
    /^78000\n.*\bsallyport-rebuilt\b/,
    "it is ours still",
  );
  match(host.sallyport.logs(), /The ledger of accounts was missing and is rebuilt/);
  deepStrictEqual([first, second].map((login) => host.ledger().accounts[login]?.uid), [78000, 78001]);
});
