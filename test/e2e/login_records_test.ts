/** utmp, wtmp, btmp and lastlog: what `w`, `who`, `last`, `lastb` and `lastlog` say of a login here and one by sshd. */

import assert from "node:assert/strict";
import { run } from "../support/command.ts";
import { recordFiles } from "../support/login_records.ts";
import { makeAccount, newLogin, setPassword } from "../support/logins.ts";
import { person } from "../support/person.ts";
import { signal } from "../support/processes.ts";
import { pamAsksWithoutKey, type Sallyport, startSallyport } from "../support/sallyport.ts";
import { ssh, sshArguments, type SshTarget } from "../support/ssh.ts";
import { startSshd } from "../support/sshd.ts";
import { writeStack } from "../support/stacks.ts";
import { Terminal } from "../support/terminal.ts";
import { until } from "../support/wait.ts";

const stack = `
auth     required pam_unix.so nodelay
account  required pam_unix.so
session  required pam_permit.so
session  optional pam_loginuid.so
`;

/** Empties the files, for what `last` says of one login depends on those before it. */
function makeFiles(): void {
  for (const file of Object.values(recordFiles)) Deno.truncateSync(file);
}

function startWithPassword(): Promise<Sallyport> {
  return startSallyport({
    stack,
    config: pamAsksWithoutKey,
  });
}

/** What a program says of `login`, without what differs by nature: terminals, times, pids. */
async function said(login: string, ...argv: string[]): Promise<string[]> {
  const { stdout } = await run(argv, { env: { TZ: "UTC", PROCPS_USERLEN: "16" } });
  return stdout.split("\n").filter((line) => line.startsWith(login)).map((line) =>
    line.replace(login, "LOGIN")
      .replace(/pts\/\d+/g, "TTY")
      .replace(
        /\w{3} \w{3} +\d+ \d\d:\d\d(:\d\d)?( \+0000)?( \d{4})?|\d{4}-\d\d-\d\d \d\d:\d\d|\b\d\d:\d\d(:\d\d)?\b/g,
        "TIME",
      )
      .replace(/\d+\.\d\ds/g, "SECONDS")
      .replace(/ +/g, " ")
      .trimEnd()
  );
}

function look(login: string): Promise<string[][]> {
  return Promise.all([
    said(login, "who"),
    said(login, "w", "-h", "-i"),
    said(login, "last", "-w", "-i", login),
    said(login, "lastlog", "-u", login),
    said(login, "lastb", "-w", "-i", login),
  ]);
}

async function openTerminal(target: SshTarget, login: string, ...command: string[]): Promise<Terminal> {
  const terminal = await Terminal.start(sshArguments(target, login, ["-t"], command));
  await terminal.sees(/\$ $|ready/m);
  return terminal;
}

/** wtmp is written after utmp. */
async function haveLeft(): Promise<void> {
  await until("everybody has left", async () => {
    const [who, last] = await Promise.all([run(["who"]), run(["last"])]);
    return who.stdout === "" && !/still logged in|still running|no logout/.test(last.stdout);
  });
}

Deno.test("login records are those of sshd", async (test) => {
  makeFiles();
  await using sshd = await startSshd(stack, { PrintLastLog: "yes" });
  await using sallyport = await startWithPassword();
  const [ours, theirs] = [newLogin(), newLogin()];
  for (const login of [ours, theirs]) {
    await makeAccount(login);
    await setPassword(login, "correct horse");
  }
  const both = [[sallyport, ours], [sshd, theirs]] as const;
  const same = async (what: string) => {
    const [here, there] = await Promise.all([look(ours), look(theirs)]);
    assert.deepEqual(here, there, what);
    return here;
  };

  await test.step("commands without a terminal leave none", async () => {
    for (const [target, login] of both) await ssh(target, login, "true");
    const [who, w, last] = await same("after exec");
    assert.deepEqual([who, w, last], [[], [], []]);
  });

  await test.step("a shell at a terminal is there while it runs, and said to have left", async () => {
    await using ourTerminal = await openTerminal(sallyport, ours);
    await using theirTerminal = await openTerminal(sshd, theirs);
    const [who, w, last, lastlog] = await same("while a shell runs");
    assert.deepEqual(who, ["LOGIN TTY TIME (127.0.0.1)"]);
    assert.match(w![0] ?? "", /^LOGIN TTY 127\.0\.0\.1 TIME .*-bash$/);
    assert.match(last![0] ?? "", /^LOGIN TTY 127\.0\.0\.1 TIME still logged in$/);
    assert.match(lastlog![0] ?? "", /^LOGIN TTY 127\.0\.0\.1 TIME$/);
    for (const terminal of [ourTerminal, theirTerminal]) {
      await terminal.enter("exit");
      assert.equal(await terminal.exitCode(), 0);
    }
    await haveLeft();
    const [, , left] = await same("after the shell");
    assert.match(left![0] ?? "", /^LOGIN TTY 127\.0\.0\.1 TIME - TIME \(TIME\)$/);
  });

  await test.step("the next shell says when the last one began, in sshd's words; a command does not", async () => {
    const seen = await Promise.all(both.map(async ([target, login]) => {
      await using terminal = await openTerminal(target, login);
      const [line] = await terminal.sees(/^Last login: .*$/m);
      return line.replace(/\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}/, "CTIME");
    }));
    assert.deepEqual(seen, ["Last login: CTIME from 127.0.0.1", "Last login: CTIME from 127.0.0.1"]);
    for (const [target, login] of both) {
      await using terminal = await openTerminal(target, login, "echo ready; sleep 100");
      assert.doesNotMatch(await terminal.screen(), /Last login/);
    }
    await haveLeft();
    await same("after both");
  });

  await test.step("with pam_lastlog in the stack it is said once", async () => {
    await writeStack(sallyport.state, `${stack}session optional pam_lastlog.so\n`);
    await using terminal = await openTerminal(sallyport, ours);
    assert.equal((await terminal.screen()).match(/^Last login: /gm)?.length, 1);
    await writeStack(sallyport.state, stack);
  });

  await test.step("two terminals of one connection are two entries, and leave one by one", async () => {
    const socket = `${sallyport.state}/control`;
    await using first = await Terminal.start(
      sshArguments(sallyport, ours, ["-t", "-M", "-S", socket], []),
    );
    await first.sees(/\$ $/m);
    await using second = await Terminal.start(sshArguments(sallyport, ours, ["-t", "-S", socket], []));
    await second.sees(/\$ $/m);
    assert.equal((await said(ours, "who")).length, 2);
    await second.enter("exit");
    await until("one has left", async () => (await said(ours, "who")).length === 1);
    await first.enter("exit");
    await until("both have left", async () => (await said(ours, "who")).length === 0);
  });

  await test.step("a wrong password is in btmp, under sshd too", async () => {
    for (const [target, login] of both) {
      const wrong = await person("keyboard-interactive", ["wrong"]);
      assert.equal((await ssh(target, login, "true", wrong.options)).code, 255);
    }
    await until("both are recorded", async () => {
      const { stdout } = await run(["lastb", "-w"]);
      return [ours, theirs].every((login) => stdout.includes(login));
    });
    const [here, there] = await Promise.all(
      [ours, theirs].map((login) => said(login, "lastb", "-w", "-i", login)),
    );
    assert.deepEqual(here, there);
    assert.match(here![0] ?? "", /^LOGIN ssh:notty 127\.0\.0\.1 TIME /);
  });

  await test.step("so is an account that the account stack refuses", async () => {
    const expired = newLogin();
    await makeAccount(expired, "-e", "2001-01-01");
    assert.equal((await ssh(sallyport, expired, "true")).code, 255);
    assert.equal((await said(expired, "lastb", "-w", "-i", expired)).length, 1);
  });

  await test.step("a worker that is killed leaves nobody logged in", async () => {
    await using terminal = await openTerminal(sallyport, ours);
    const [journal] = await sallyport.journals();
    signal(journal!.pid, "SIGKILL");
    await until("who is clean", async () => (await said(ours, "who")).length === 0);
    await until(
      "last knows",
      async () => / - TIME/.test((await said(ours, "last", "-w", "-i", ours))[0] ?? ""),
    );
    await terminal.exitCode();
  });
});

Deno.test("without PAM, a worker that is killed leaves nobody logged in either", async () => {
  makeFiles();
  const login = newLogin();
  await makeAccount(login);
  await using sallyport = await startSallyport({ stack: null });
  await using terminal = await openTerminal(sallyport, login);
  assert.deepEqual((await said(login, "who")).length, 1);
  const [journal] = await sallyport.journals();
  signal(journal!.pid, "SIGKILL");
  await until("who is clean", async () => (await said(login, "who")).length === 0);
  await terminal.exitCode();
});
