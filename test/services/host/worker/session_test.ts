/** What a person's processes are, in a real worker with a real libpam. */

import assert from "node:assert/strict";
import { makeAccount, newLogin, uidOf } from "../../../support/logins.ts";
import { Bench, type Birth, loggingStack } from "./worker_kit.ts";

const size = { columns: 91, rows: 33, widthPx: 0, heightPx: 0 };
const terminal = { term: "vt220", size, modes: "" };

for (const birth of ["forked", "spawned"] satisfies Birth[]) {
  Deno.test(`a ${birth} worker runs a command as the account, with its groups and no capability`, async () => {
    const login = newLogin();
    await makeAccount(login, "-G", "games,video");
    using bench = new Bench();
    using worker = bench.login(login, birth);
    const { output, exit } = worker.run(
      1,
      "id -un; id -gn; id -Gn; pwd; umask; ulimit -Sn; grep -E '^(Uid|Gid|Cap(Inh|Prm|Eff|Amb)|Sig(Blk)|NoNewPrivs)' /proc/self/status; cat /proc/self/oom_score_adj",
    );
    const uid = await uidOf(login);
    const none = "0000000000000000";
    assert.deepEqual(exit, { type: "exit", code: 0 });
    const [user, group, groups, directory, umask, files, ...status] = output.trim().split("\n");
    assert.deepEqual([user, group, directory, umask, files], [login, login, `/home/${login}`, "0022", "777"]);
    assert.deepEqual(groups?.split(" ").toSorted(), [login, "games", "video"].toSorted());
    assert.deepEqual(status, [
      `Uid:\t${uid}\t${uid}\t${uid}\t${uid}`,
      `Gid:\t${uid}\t${uid}\t${uid}\t${uid}`,
      `SigBlk:\t${none}`,
      `CapInh:\t${none}`,
      `CapPrm:\t${none}`,
      `CapEff:\t${none}`,
      `CapAmb:\t${none}`,
      "NoNewPrivs:\t0",
      "0",
    ]);
    worker.close();
  });
}

Deno.test("a worker gives a command only descriptors 0 to 2 and exactly its environment", async () => {
  const login = newLogin();
  await makeAccount(login, "-s", "/bin/sh");
  using bench = new Bench(loggingStack + "session required pam_env.so conffile=%/pam_env.conf readenv=0\n");
  bench.write("pam_env.conf", "FROM_PAM DEFAULT=yes\nLD_PRELOAD DEFAULT=/tmp/evil.so\n");
  using worker = bench.login(login);
  const environment: [string, string][] = [["LANG", "C.UTF-8"], ["HOME", "/evil"], ["FOO", "1"]];
  const { output } = worker.run(
    1,
    'exec env -u PWD sh -c \'cat /proc/$$/environ | tr "\\0" "\\n"; ls /proc/$$/fd\'',
    { environment },
  );
  assert.deepEqual(
    output.trim().split("\n").toSorted(),
    [
      ...["0", "1", "2"],
      `FROM_PAM=yes`,
      `HOME=/home/${login}`,
      `LANG=C.UTF-8`,
      `LOGNAME=${login}`,
      `PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games`,
      `SHELL=/bin/sh`,
      "SSH_CLIENT=192.0.2.7 50123 2222",
      "SSH_CONNECTION=192.0.2.7 50123 192.0.2.1 2222",
      `TELEPORT_LOGIN=${login}`,
      "TELEPORT_ROLES=dev ops",
      "TELEPORT_USERNAME=ada@example.org",
      `USER=${login}`,
    ].toSorted(),
  );
  worker.close();
});

Deno.test("a worker starts a login shell on a terminal that belongs to the account", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  using shell = worker.channel(1, { terminal });
  shell.write(`echo "<$0|$TERM|$(stty size)|$(stat -c '%U %G %a' "$(tty)")|$SSH_TTY>"; exit 7\n`);
  const output = shell.read();
  assert.ok(output.includes(`<-bash|vt220|33 91|${login} tty 620|${shell.tty}>`), output);
  assert.ok(!/job control|ioctl/.test(output), output);
  assert.deepEqual(worker.expect("channel.exited").exit, { type: "exit", code: 7 });
  worker.close();
});

Deno.test("a worker reports the signal that ended a process, and delivers the client's", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  using channel = worker.channel(1, { text: "echo ready; exec sleep 1000" });
  channel.read("ready");
  worker.send({ type: "channel.signal", channel: 1, signal: "USR1" });
  const { exit } = worker.expect("channel.exited");
  assert.deepEqual(exit, { type: "exit-signal", signal: "USR1", coreDumped: false });
  worker.close();
});

Deno.test("a worker passes stdin, stdout and stderr separately, and a command's raw bytes", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  using channel = worker.channel(1, { text: "read line; echo out:$line; echo err:\xff >&2; exit 3" });
  channel.write("typed\n");
  assert.equal(channel.read(), "out:typed\n");
  assert.equal(channel.readError(), "err:\ufffd\n");
  assert.deepEqual(worker.expect("channel.exited").exit, { type: "exit", code: 3 });
  worker.close();
});

Deno.test("a worker serves several channels of one lease under one PAM session", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  using first = worker.channel(1, { text: "cat" });
  assert.equal(worker.run(2, "echo two").output, "two\n");
  assert.equal(worker.run(3, "", { kind: "subsystem", command: btoa("greet") }).output, "hello from bash\n");
  first.write("still here\n");
  assert.equal(first.read("here"), "still here\n");
  worker.close();
  assert.deepEqual(bench.pamCalls(), ["account", "open_session", "close_session"]);
});

Deno.test("a worker starts in / and says so on a terminal when the home folder is missing", async () => {
  const login = newLogin();
  await makeAccount(login);
  Deno.removeSync(`/home/${login}`, { recursive: true });
  using bench = new Bench();
  using worker = bench.login(login);
  assert.equal(worker.run(1, "pwd; echo $HOME").output, `/\n/home/${login}\n`);
  assert.deepEqual(worker.notices, []);
  using shell = worker.channel(2, { terminal });
  shell.write("exit\n");
  shell.read();
  worker.expect("channel.exited");
  assert.deepEqual(worker.notices, [
    `Could not chdir to home directory /home/${login}: No such file or directory`,
  ]);
  worker.close();
});

Deno.test("a worker refuses a channel whose shell is missing or whose subsystem is unknown", async () => {
  const login = newLogin();
  await makeAccount(login, "-s", "/bin/gone");
  using bench = new Bench();
  using worker = bench.login(login);
  const open = { type: "channel.open" as const, terminal: null, environment: [] };
  worker.send({ ...open, channel: 1, kind: "shell", command: "" });
  assert.equal(worker.expect("channel.failed").problem, "shell-missing");
  worker.send({ ...open, channel: 2, kind: "subsystem", command: btoa("nothing") });
  assert.equal(worker.expect("channel.failed").problem, "subsystem-unknown");
  worker.close();
});

Deno.test("a worker says so when the account may not start more processes", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench(`${loggingStack}session required pam_limits.so conf=%/limits.conf\n`);
  bench.write("limits.conf", "* hard nproc 0\n");
  // The limit counts what runs already: without this the first process would be allowed, as under sshd.
  const uid = (await uidOf(login))!;
  const running = new Deno.Command("sleep", { args: ["1000"], uid, gid: uid }).spawn();
  using worker = bench.login(login);
  worker.send({
    type: "channel.open",
    channel: 1,
    kind: "exec",
    command: btoa("true"),
    terminal: null,
    environment: [],
  });
  assert.equal(worker.expect("channel.failed").problem, "process-limit");
  worker.close();
  running.kill("SIGKILL");
  await running.status;
});
