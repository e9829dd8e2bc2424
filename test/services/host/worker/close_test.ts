/** How a lease ends, whoever ends it, and that PAM is closed once. */

import assert from "node:assert/strict";
import { makeAccount, newLogin, uidOf } from "../../../support/logins.ts";
import { isAlive, processesOf, signal } from "../../../support/processes.ts";
import { until } from "../../../support/wait.ts";
import { Bench, loggingStack } from "./worker_kit.ts";

const terminal = { term: "vt220", size: { columns: 80, rows: 24, widthPx: 0, heightPx: 0 }, modes: "" };
const wholeLife = ["account", "open_session", "close_session"];

Deno.test("a worker hangs terminals up and closes PAM when the lease closes", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  using shell = worker.channel(1, { terminal });
  shell.write("echo up\n");
  shell.read("up");
  worker.close();
  assert.ok(!isAlive(shell.pid));
  assert.deepEqual(bench.pamCalls(), wholeLife);
  assert.deepEqual(bench.journal(), []);
});

Deno.test("a worker closes PAM when its dispatcher dies", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  using shell = worker.channel(1, { terminal });
  worker.disconnect();
  worker.waitForEnd();
  assert.ok(!isAlive(shell.pid));
  assert.deepEqual(bench.pamCalls(), wholeLife);
});

Deno.test("a worker kills a shell that ignores the hang-up, after the grace time", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  const shell = worker.channel(1, { terminal });
  shell.write("trap '' HUP; echo de''af\n");
  shell.read("deaf");
  const before = performance.now();
  shell[Symbol.dispose]();
  worker.send({ type: "channel.close", channel: 1 });
  // bash itself ends at end of file on its terminal; a shell that does not is what the grace time is for.
  const { exit } = worker.expect("channel.exited");
  assert.ok(exit.type === "exit" || exit.signal === "KILL", JSON.stringify(exit));
  assert.ok(performance.now() - before < 5_000);
  worker.close();
});

Deno.test("a worker sends SIGKILL only after the grace time to a process that stays on a hung-up terminal", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  const stubborn = worker.channel(1, { terminal, text: "trap '' HUP; echo de''af; exec sleep 1000" });
  stubborn.read("deaf");
  const before = performance.now();
  stubborn[Symbol.dispose]();
  worker.send({ type: "channel.close", channel: 1 });
  const { exit } = worker.expect("channel.exited");
  assert.deepEqual(exit, { type: "exit-signal", signal: "KILL", coreDumped: false });
  assert.ok(performance.now() - before >= 500, "killed before the grace time was over");
  worker.close();
});

Deno.test("a worker leaves a command without terminal and what a session put in the background alone", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  using command = worker.channel(1, { text: "echo started; exec sleep 1000" });
  command.read("started");
  assert.equal(worker.run(2, "setsid sleep 1001 </dev/null >/dev/null 2>&1 & echo $!").exit.type, "exit");
  worker.close();
  const left = processesOf((await uidOf(login))!);
  assert.deepEqual(left.map(({ argv }) => argv.join(" ")).toSorted(), ["sleep 1000", "sleep 1001"]);
  for (const { pid } of left) signal(pid, "SIGKILL");
});

Deno.test("a worker ends the lease in order when the dispatcher breaks the vocabulary", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  worker.send({ type: "lease.open", envelope: bench.envelope(login) });
  worker.expect("lease.closed");
  worker.waitForEnd();
  assert.deepEqual(bench.pamCalls(), wholeLife);
});

Deno.test("a worker exits when nothing was ever assigned to it", () => {
  using bench = new Bench();
  using worker = bench.start();
  worker.disconnect();
  worker.waitForEnd();
});

Deno.test("a janitor closes PAM once for a worker that was killed", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench();
  using worker = bench.login(login);
  worker.kill();
  assert.deepEqual(bench.pamCalls(), ["account", "open_session"]);
  assert.equal(bench.journal().length, 1);
  bench.clean();
  bench.clean();
  assert.deepEqual(bench.pamCalls(), wholeLife);
  const rest = `${login} 192.0.2.7 ada@example.org ssh dev ops`;
  assert.equal(bench.pamLog().at(-1), `close_session ${rest}`);
  assert.deepEqual(bench.journal(), []);
});

Deno.test("a janitor closes PAM for a worker that was killed while a module opened the session", async () => {
  const login = newLogin();
  await makeAccount(login);
  using bench = new Bench(
    `${loggingStack}session required pam_exec.so quiet type=open_session /bin/sleep 1000\n`,
  );
  using worker = bench.start();
  worker.open(login);
  await until("the session to be opening", () => bench.pamCalls().includes("open_session"));
  worker.kill();
  bench.clean();
  assert.deepEqual(bench.pamCalls(), wholeLife);
});
