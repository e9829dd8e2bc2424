import { deepStrictEqual, ok } from "node:assert/strict";
import { newLogin, uidOf } from "../support/logins.ts";
import { processesOf, signal } from "../support/processes.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

const quick = { config: { host: { hangup_grace: 1 } } };

/** Names of the programs an account runs. */
async function programsOf(login: string): Promise<string[]> {
  const uid = await uidOf(login);
  return uid === null ? [] : processesOf(uid).map(({ argv }) => argv.join(" ")).sort();
}

async function killAllOf(login: string): Promise<void> {
  for (const { pid } of processesOf((await uidOf(login))!)) signal(pid, "SIGKILL");
}

/** Nothing of ours may stay: no worker with a lease, no terminal, pipe or socket in the dispatcher. */
async function nothingIsLeft(sallyport: Sallyport, before: string[]): Promise<void> {
  await until("the lease is closed", async () => await sallyport.leases() === 0);
  await until("the dispatcher has let go of everything", () => {
    const more = descriptorsOf(sallyport).filter((each) => !before.includes(each));
    const sockets = more.filter((each) => each.includes("socket:"));
    if (more.length > sockets.length || sockets.length > runtimeSockets) {
      throw new Error(`it still has ${more}`);
    }
    return true;
  });
}

/** The runtime makes itself a socket pair at a time of its own choice. */
const runtimeSockets = 2;

/** What the dispatcher has open. */
function descriptorsOf(sallyport: Sallyport): string[] {
  const folder = `/proc/${sallyport.process("dispatcher").pid}/fd`;
  return Array.from(
    Deno.readDirSync(folder),
    ({ name }) => `${name}: ${Deno.readLinkSync(`${folder}/${name}`)}`,
  );
}

Deno.test("when the client dies the shell is hung up; what was told to survive does", async () => {
  await using sallyport = await startSallyport(quick);
  const login = newLogin();
  await sallyport.ssh(login, "true");
  await until("the first lease is closed", async () => await sallyport.leases() === 0);
  const descriptors = descriptorsOf(sallyport);
  {
    await using terminal = await sallyport.terminal(login);
    await terminal.sees(/\$ $/m);
    await terminal.enter("nohup sleep 4321 > /dev/null 2>&1 & tmux new-session -d sleep 4322");
    await terminal.enter("sleep 4323");
    await until(
      "all run",
      async () => (await programsOf(login)).filter((line) => /432/.test(line)).length >= 4,
    );
    signal(await terminal.pid(), "SIGKILL");
    await until("the shell is gone", async () => !(await programsOf(login)).includes("-bash"));
  }
  await nothingIsLeft(sallyport, descriptors);
  const left = await programsOf(login);
  deepStrictEqual(left.filter((line) => /^sleep/.test(line)), ["sleep 4321", "sleep 4322"]);
  ok(left.some((line) => line.startsWith("tmux")));
  await killAllOf(login);
});

Deno.test("a shell that ignores the hang-up is killed after the grace time", async () => {
  await using sallyport = await startSallyport(quick);
  const login = newLogin();
  await using terminal = await sallyport.terminal(login);
  await terminal.sees(/\$ $/m);
  await terminal.enter("trap '' HUP; echo deaf; while :; do sleep 1; done");
  await terminal.sees(/^deaf$/m);
  signal(await terminal.pid(), "SIGKILL");
  await until("the shell is gone", async () => (await programsOf(login)).every((line) => line !== "-bash"));
  await until("the lease is closed", async () => await sallyport.leases() === 0);
});

Deno.test("when the client dies mid-output a command gets SIGPIPE and no signal of ours", async () => {
  await using sallyport = await startSallyport(quick);
  const login = newLogin();
  await sallyport.ssh(login, "true");
  const client = sallyport.spawn(login, "yes; sleep 4324");
  const reader = client.stdout.getReader();
  await reader.read();
  await reader.cancel();
  client.kill("SIGKILL");
  await client.status;
  await client.stdin.close().catch(() => {});
  await client.stderr.cancel();
  // yes(1) dies of SIGPIPE; the command itself was sent nothing and goes on, as under sshd.
  await until("yes is gone", async () => {
    const lines = await programsOf(login);
    return !lines.includes("yes") && lines.includes("sleep 4324");
  });
  await until("the lease is closed", async () => await sallyport.leases() === 0);
  await killAllOf(login);
});
