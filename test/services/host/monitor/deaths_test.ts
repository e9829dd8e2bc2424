import assert from "node:assert/strict";
import { leaseAnswerTimeoutMs } from "../../../../shared/protocol/limits.ts";
import { isAlive, processTree } from "../../../support/processes.ts";
import { until } from "../../../support/wait.ts";
import { HostKit, terminal, TestChannel } from "../host_kit.ts";

/** Forked workers are the zygote's children and have its command line. */
function processOf(host: HostKit, role: "dispatcher" | "worker"): number[] {
  const all = processTree(host.monitor.pid);
  return all.filter(({ argv }) => argv.some((arg) => arg.includes(`host/${role}/`))).map(({ pid }) => pid);
}

/** Each opening and closing of a PAM session leaves a line. */
function counting(file: string): string {
  return `echo $PAM_TYPE >> ${file}`;
}

async function workerOf(host: HostKit, pid: string | undefined): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const parent = Number(/PPid:\t(\d+)/.exec(status)?.[1]);
  assert.ok(processOf(host, "worker").includes(parent), `${parent} is no worker`);
  return parent;
}

Deno.test("A killed worker ends its lease, and a janitor closes PAM exactly once", async () => {
  const file = Deno.makeTempFileSync();
  await using host = await HostKit.start({ hook: counting(file) });
  const lease = await host.accepted();
  const channel = new TestChannel(lease, "echo pid-$$; sleep 1000", { terminal });
  const [, shell] = await channel.shows(/pid-(\d+)/);
  Deno.kill(await workerOf(host, shell), "SIGKILL");
  assert.deepEqual(await channel.over, { type: "failed", problem: "worker-died" });
  assert.equal((await lease.ended).problem, "worker-died");
  await host.logged(/The worker of lease \w+ is gone/);
  assert.equal(Deno.readTextFileSync(file), "open_session\nclose_session\n");
  await until("the shell to be hung up", () => !isAlive(Number(shell)));
  assert.deepEqual([...Deno.readDirSync(`${host.settings.runDirectory}/leases`)], []);
  await host.accepted();
  Deno.removeSync(file);
});

Deno.test("A killed dispatcher ends the leases, and another one starts under a new boot id", async () => {
  const file = Deno.makeTempFileSync();
  await using host = await HostKit.start({ hook: counting(file) });
  const lease = await host.accepted();
  const channel = new TestChannel(lease, "echo pid-$$; sleep 1000", { terminal });
  const [, shell] = await channel.shows(/pid-(\d+)/);
  const worker = await workerOf(host, shell);
  const [dispatcher] = processOf(host, "dispatcher");
  assert.ok(dispatcher);
  Deno.kill(dispatcher, "SIGKILL");
  await until("shell and worker to end", () => !isAlive(Number(shell)) && !isAlive(worker));
  assert.equal(Deno.readTextFileSync(file), "open_session\nclose_session\n");
  await until("another dispatcher", () => processOf(host, "dispatcher").length === 1);
  const again = await until("a lease on the new dispatcher", () => host.accepted());
  const second = new TestChannel(again, "echo back");
  assert.deepEqual(await second.over, { type: "exit", code: 0 });
  Deno.removeSync(file);
});

Deno.test("A request that a dying dispatcher has taken with it is made again of the next one", async () => {
  await using host = await HostKit.start();
  const [dispatcher] = processOf(host, "dispatcher");
  assert.ok(dispatcher);
  // Stopped, it is still there for the broker, which passes the request on to it.
  Deno.kill(dispatcher, "SIGSTOP");
  const before = performance.now();
  const opening = host.open();
  await host.bus.flush();
  Deno.kill(dispatcher, "SIGKILL");
  const lease = await opening;
  assert.equal(await lease.decision, "accepted");
  const tookMs = performance.now() - before;
  assert.ok(tookMs < leaseAnswerTimeoutMs, `${tookMs} ms`);
});

Deno.test("A killed monitor takes everything with it, with PAM closed and the gateway told", async () => {
  const file = Deno.makeTempFileSync();
  await using host = await HostKit.start({ hook: counting(file) });
  const lease = await host.accepted();
  const channel = new TestChannel(lease, "echo pid-$$; sleep 1000", { terminal });
  const [, shell] = await channel.shows(/pid-(\d+)/);
  const all = processTree(host.monitor.pid).map(({ pid }) => pid);
  host.monitor.kill("SIGKILL");
  assert.deepEqual(await channel.over, { type: "failed", problem: "host-unreachable" });
  await until("everything to end", () => ![...all, Number(shell)].some(isAlive));
  assert.equal(Deno.readTextFileSync(file), "open_session\nclose_session\n");
  Deno.removeSync(file);
});

Deno.test("A new monitor leaves an earlier one's worker to close PAM by itself", async () => {
  const closing = "until [ -e $0.go ]; do sleep 0.05; done";
  const hook = `echo $PAM_TYPE >> $0.log; [ $PAM_TYPE = open_session ] || ${closing}`;
  await using host = await HostKit.start({ hook });
  const lease = await host.accepted();
  await new TestChannel(lease, "true").over;
  host.monitor.kill("SIGKILL");
  await host.monitor.status;
  // Until then a request could still reach the earlier dispatcher, and be lost with it.
  await host.logged(/The bus is closed/);
  host.restart();
  await host.logged(/Worker \d+ of an earlier monitor still closes lease \w+/);
  Deno.writeTextFileSync(`${host.folder}/pam.d/hook.go`, "");
  const entries = () => [...Deno.readDirSync(`${host.settings.runDirectory}/leases`)].length;
  await until("the entry to go", () => entries() === 0);
  assert.equal(Deno.readTextFileSync(`${host.folder}/pam.d/hook.log`), "open_session\nclose_session\n");
  assert.doesNotMatch(host.log, /Janitor/);
  await until("a lease on the new monitor", () => host.accepted());
});

Deno.test("A new monitor kills an earlier one's worker that hangs, and bounds its janitor too", async () => {
  const hook = "echo $PAM_TYPE $PPID >> $0.log; [ $PAM_TYPE = open_session ] || exec sleep 1000";
  const settings = { loginGraceMs: 1_000, hangupGraceMs: 200, closeTimeoutMs: 1_500 };
  await using host = await HostKit.start({ hook, settings });
  const lease = await host.accepted();
  await new TestChannel(lease, "true").over;
  host.monitor.kill("SIGKILL");
  await host.monitor.status;
  await host.logged(/The bus is closed/);
  host.restart();
  const [, pid] = await host.logged(/Worker (\d+) of an earlier monitor still closes lease/);
  await host.logged(new RegExp(`Killing worker ${pid} of lease`));
  await until("the worker to end", () => !isAlive(Number(pid)));
  const [, janitor] = await host.logged(/Janitor (\d+) closes lease/);
  await host.logged(/The janitor of lease \w+ has failed: signal 9/);
  assert.deepEqual(
    Deno.readTextFileSync(`${host.folder}/pam.d/hook.log`).trim().split("\n"),
    [`open_session ${pid}`, `close_session ${pid}`, `close_session ${janitor}`],
  );
});

Deno.test("A login that hangs when neither dispatcher nor monitor is left is ended by the kernel", async () => {
  const hook = "echo $PPID > $0.pid; exec sleep 1000";
  await using host = await HostKit.start({ hook, settings: { loginGraceMs: 1_000 } });
  await host.open();
  const file = `${host.folder}/pam.d/hook.pid`;
  const pid = await until("the login to hang", () => Number(Deno.readTextFileSync(file)));
  host.monitor.kill("SIGKILL");
  await host.monitor.status;
  await until("the worker to end", () => !isAlive(pid));
});

Deno.test("A login that hangs in PAM is refused in time, killed, and its journal entry seen to", async () => {
  const hook = "[ $PAM_TYPE = close_session ] || exec sleep 1000";
  await using host = await HostKit.start({ hook, settings: { loginGraceMs: 1_500 } });
  const lease = await host.open();
  await assert.rejects(lease.decision, { problem: "login-timeout" });
  await host.logged(/Killing worker \d+ of lease/);
  await host.logged(/The worker of lease \w+ is gone/);
  await host.logged(/Janitor \d+ closes lease/);
  assert.deepEqual([...Deno.readDirSync(`${host.settings.runDirectory}/leases`)], []);
});

Deno.test("Many logins at once all get in", async () => {
  await using host = await HostKit.start();
  const leases = await Promise.all(Array.from({ length: 24 }, () => host.accepted()));
  const channels = leases.map((lease, index) => new TestChannel(lease, `echo ${index}`));
  await Promise.all(channels.map((channel) => channel.over));
  assert.deepEqual(channels.map(({ stdout }) => stdout), leases.map((_, index) => `${index}\n`));
  await Promise.all(leases.map((lease) => lease.close()));
});

Deno.test("No more leases are open than the limit says, and room made is room", async () => {
  await using host = await HostKit.start({ settings: { maxLeases: 2 } });
  const [first] = await Promise.all([host.accepted(), host.accepted()]);
  await assert.rejects(host.open(), { problem: "host-busy" });
  await first.close();
  await host.logged(/The worker of lease \w+ is gone/);
  await host.accepted();
});

Deno.test("A monitor that starts closes what an earlier one has left open", async () => {
  const file = Deno.makeTempFileSync();
  const lease = "0123456789abcdef0123456789abcdef";
  await using host = await HostKit.start({
    hook: counting(file),
    prepare: ({ runDirectory, pam }) => {
      Deno.mkdirSync(`${runDirectory}/leases`);
      const entry = {
        state: "opened",
        pid: Deno.pid,
        startTime: 1,
        login: "root",
        service: pam.serviceName,
        confdir: pam.confdir,
        tty: "ssh",
        rhost: "192.0.2.7",
        connection: "192.0.2.7 50123 192.0.2.1 2222",
        user: "alice",
        roles: [],
      };
      Deno.writeTextFileSync(`${runDirectory}/leases/${lease}.json`, JSON.stringify(entry));
    },
  });
  await until(
    "the entry to go",
    () => [...Deno.readDirSync(`${host.settings.runDirectory}/leases`)].length === 0,
  );
  assert.equal(Deno.readTextFileSync(file), "close_session\n");
  Deno.removeSync(file);
});
