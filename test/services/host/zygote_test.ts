/** What makes forked workers safe to rely on: the zygote, its children, and what the monitor does without it. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { forkingFlags } from "../../../ffi/fork.ts";
import { killProcess, pidfdOpen, poll } from "../../../ffi/process.ts";
import { closeDescriptor, socketPair } from "../../../ffi/socket.ts";
import { spawn } from "../../../ffi/spawn.ts";
import { startRole } from "../../../services/host/monitor/start.ts";
import { checkForking } from "../../../services/host/worker/self_check.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { sourceFiles } from "../../support/graph.ts";
import { isAlive, memoryBytes, processTree } from "../../support/processes.ts";
import { until } from "../../support/wait.ts";
import { HostKit, TestChannel } from "./host_kit.ts";
import { TestZygote } from "./zygote_kit.ts";

const kill = 9;

async function forking(...args: string[]): Promise<(string | null)[]> {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--config", file("../../../deno.json"), "-P=worker"],
      ...[forkingFlags, file("forking.ts"), ...args],
    ],
    stderr: "piped",
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("every one of 200 forked children goes through a PAM login with pam_exec", async () => {
  const confdir = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${confdir}/hello`, "Hello from PAM\n");
  Deno.writeTextFileSync(`${confdir}/hook`, `#!/bin/sh\necho $PAM_TYPE >> ${confdir}/calls\n`, {
    mode: 0o755,
  });
  Deno.writeTextFileSync(
    `${confdir}/forked`,
    [
      "auth required pam_permit.so",
      "account required pam_permit.so",
      `session required pam_echo.so file=${confdir}/hello`,
      `session required pam_exec.so quiet ${confdir}/hook`,
      "session required pam_permit.so\n",
    ].join("\n"),
  );
  const said = await forking("logins", "200", confdir);
  assert.deepEqual(said, Array(200).fill("Hello from PAM"));
  const calls = Deno.readTextFileSync(`${confdir}/calls`);
  assert.equal(calls, "open_session\nclose_session\n".repeat(200));
  Deno.removeSync(confdir, { recursive: true });
});

Deno.test("no two forked children draw the same key or id, though Deno's own generator repeats itself", async () => {
  const children = (await forking("randomness", "50")).map((text) =>
    JSON.parse(text!) as Record<string, string[]>
  );
  const workers = children.flatMap((drawn) => drawn.workers!);
  assert.equal(workers.length, 150);
  assert.equal(new Set(workers).size, 150);
  // If Deno learns to notice a fork this fails, and says that ffi/random.ts is no longer needed.
  assert.equal(new Set(children.flatMap((drawn) => drawn.denos!)).size, 4);
});

Deno.test("nothing that runs in a worker draws from Deno's generator", async () => {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const drawing =
    /\b(getRandomValues|randomUUID|randomBytes|randomInt|randomFill|Math\.random|generateKey\w*|generateEphemeral|makeTemp\w+)\b/;
  const files = await sourceFiles(root, ["services/host/worker", "ffi"]);
  const found = files.filter((name) =>
    drawing.test(Deno.readTextFileSync(root + name).replace(/^\s*(\*|\/\/|\/\*\*).*$/gm, ""))
  );
  // The name of a temporary folder is made in the zygote itself.
  assert.deepEqual(found, ["services/host/worker/self_check.ts"]);
});

/** Workers of a folder of their own, forked and spawned, that nobody gives a lease. */
class Bench implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #settingsFile = `${this.#folder}/settings.json`;
  readonly zygote: TestZygote;
  readonly #workers: { pid: number; socket: number }[] = [];

  constructor() {
    const settings = { runDirectory: `${this.#folder}/run`, pam: { enabled: true } };
    Deno.writeTextFileSync(this.#settingsFile, JSON.stringify(settings));
    this.zygote = new TestZygote(this.#settingsFile);
  }

  fork(): number {
    return this.#own((socket) => this.zygote.fork(socket));
  }

  spawn(): number {
    return this.#own((socket) => startRole("worker", [this.#settingsFile], socket));
  }

  #own(start: (socket: number) => number): number {
    const [socket, theirs] = socketPair();
    const pid = start(theirs);
    closeDescriptor(theirs);
    this.#workers.push({ pid, socket });
    return pid;
  }

  [Symbol.dispose](): void {
    const pidfds = this.#workers.map(({ pid }) => pidfdOpen(pid));
    for (const { socket } of this.#workers) closeDescriptor(socket);
    for (const pidfd of pidfds) {
      assert.notEqual(poll([{ fd: pidfd }], 10_000)[0], 0, "a worker outlives its socket");
      closeDescriptor(pidfd);
    }
    this.zygote[Symbol.dispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Lines of /proc/PID/status that say how the process stands. */
function standing(pid: number): string[] {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return status.split("\n").filter((line) =>
    /^(Sig(Blk|Ign|Cgt)|Umask|Cap|NoNewPrivs|[UG]id|Groups)/.test(line)
  );
}

function session(pid: number): number {
  return processTree(pid)[0]!.session;
}

Deno.test("a forked worker is as a spawned one: signals, environment, descriptors, a session of its own", async () => {
  using bench = new Bench();
  const [forked, spawned] = [bench.fork(), bench.spawn()];
  const ignored = (pid: number) => standing(pid).find((line) => line.startsWith("SigIgn"));
  await until(
    "both to wait for a lease",
    () => /5003$/.test(ignored(forked)!) && ignored(forked) === ignored(spawned),
  );
  assert.deepEqual(standing(forked), standing(spawned));
  assert.equal(session(forked), forked);
  const environment = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0").sort();
  assert.deepEqual(environment(forked), environment(spawned));
  const descriptors = Deno.readDirSync(`/proc/${forked}/fd`).map(({ name }) => name).toArray().sort();
  assert.deepEqual(descriptors, ["0", "1", "2", "3"]);
  assert.equal(Deno.readLinkSync(`/proc/${forked}/cwd`), "/");
});

Deno.test("twenty idle forked workers take less than 4.5 MB each, the zygote included", async () => {
  using bench = new Bench();
  const workers = Array.from({ length: 20 }, () => bench.fork());
  await until(
    "all to wait for a lease",
    () => workers.every((pid) => standing(pid).some((line) => /5003$/.test(line))),
  );
  const all = bench.zygote.processes();
  assert.equal(all.length, 21);
  const megabytes = all.reduce((sum, pid) => sum + memoryBytes(pid, "divided"), 0) / 20 / 1e6;
  assert.ok(megabytes < 4.5, `${megabytes} MB each`);
});

function children(host: HostKit, entry: string): number[] {
  const all = processTree(host.monitor.pid).filter(({ parent }) => parent === host.monitor.pid);
  return all.filter(({ argv }) => argv.some((arg) => arg.endsWith(entry))).map(({ pid }) => pid);
}

Deno.test("a killed zygote costs no session, workers are spawned meanwhile, and another one starts", async () => {
  await using host = await HostKit.start({ settings: { warmWorkers: 0 } });
  const [, first] = await host.logged(/Workers are forked from zygote (\d+)/);
  const lease = await host.accepted();
  const channel = new TestChannel(lease, "read line; echo got $line");
  await channel.opened;
  assert.deepEqual(children(host, "worker/main.ts"), []);

  killProcess(Number(first), kill);
  await host.logged(/Workers are spawned, without a zygote: /);
  const second = await host.accepted();
  assert.deepEqual(await new TestChannel(second, "exit 7").over, { type: "exit", code: 7 });
  channel.type("through\n");
  assert.deepEqual(await channel.over, { type: "exit", code: 0 });
  assert.equal(channel.stdout, "got through\n");

  const again = await until(
    "another zygote",
    () => [...host.log.matchAll(/Workers are forked from zygote (\d+)/g)][1]?.[1],
  );
  const spawned = children(host, "worker/main.ts").length;
  assert.ok(isAlive(Number(again)));
  const third = await host.accepted();
  assert.deepEqual(await new TestChannel(third, "exit 8").over, { type: "exit", code: 8 });
  assert.ok(children(host, "worker/main.ts").length <= spawned);
});

Deno.test("a zygote that does not answer holds the monitor up for a moment only", async () => {
  await using host = await HostKit.start({ settings: { warmWorkers: 0 } });
  const [, pid] = await host.logged(/Workers are forked from zygote (\d+)/);
  Deno.kill(Number(pid), "SIGSTOP");
  const lease = await host.accepted();
  assert.deepEqual(await new TestChannel(lease, "exit 7").over, { type: "exit", code: 7 });
  await host.logged(/Workers are spawned, without a zygote: it does not answer/);
  await until("it to be killed", () => !isAlive(Number(pid)));
});

Deno.test("checkForking() refuses a machine where children crash or are wrong", () => {
  const settings = { runDirectory: Deno.makeTempDirSync(), pam: { enabled: false } } as HostSettings;
  const child = (script: string) => () =>
    spawn({
      path: "/bin/sh",
      argv: ["sh", "-c", script],
      environment: [],
      directory: "/",
      stdio: { descriptors: [0, 1, 2] },
      newSession: true,
    });
  assert.throws(() => checkForking(settings, child("kill -SEGV $$")), /"signal":11/);
  assert.throws(() => checkForking(settings, child("exit 0")), /"code":0/);
  checkForking(settings, child("exit 42"));
  assert.deepEqual([...Deno.readDirSync(settings.runDirectory)], []);
  Deno.removeSync(settings.runDirectory);
});
