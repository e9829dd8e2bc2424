/** What idle sessions and connections cost in memory and processor time. */

import { connectClient } from "../support/client.ts";
import { memoryBytes, processorSeconds, processTree } from "../support/processes.ts";
import { roleOf, startSallyport } from "../support/sallyport.ts";
import { spawnSsh, type SshTarget } from "../support/ssh.ts";
import { span } from "../support/wait.ts";
import type { Peers } from "./peers.ts";
import { absoluteRow, type Row } from "./table.ts";

const sessions = 20;
const connections = 100;
/** Connections before the measured ones, so that code is loaded and compiled. */
const warmUp = 20;
/** Long enough to count, and not to be ruled by, the one garbage collection that follows the logins. */
const idleMs = 60_000;
const megabyte = 1_000_000;

/** Our processes on the host side, or sshd's own; never the shells. */
function hostProcesses({ sallyport, sshd }: Peers, whose: "ours" | "theirs"): number[] {
  if (whose === "theirs") {
    const below = processTree(sshd.pid);
    return below.filter(({ argv }) => argv[0]?.includes("sshd")).map(({ pid }) => pid);
  }
  return processTree(sallyport.child.pid).filter((process) =>
    ["monitor", "dispatcher", "worker"].includes(roleOf(process) ?? "")
  ).map(({ pid }) => pid);
}

function divided(pids: number[]): number {
  return pids.reduce((sum, pid) => sum + memoryBytes(pid, "divided"), 0);
}

async function openIdle(target: SshTarget, login: string, count: number) {
  const clients = Array.from({ length: count }, () => spawnSsh(target, login, ["echo up; exec cat"]));
  for (const client of clients) {
    const reader = client.stdout.getReader();
    await reader.read();
    reader.releaseLock();
  }
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map(async (client) => {
        await client.stdin.close();
        await client.stdout.cancel();
        await client.stderr.cancel();
        await client.status;
      }));
    },
  };
}

async function perSession(peers: Peers, whose: "ours" | "theirs"): Promise<number> {
  const target = whose === "ours" ? peers.sallyport : peers.sshd;
  const before = divided(hostProcesses(peers, whose));
  await using _idle = await openIdle(target, peers.login, sessions);
  await span(1_000);
  return (divided(hostProcesses(peers, whose)) - before) / sessions;
}

export async function idleSessions(peers: Peers): Promise<Row[]> {
  const ours = await perSession(peers, "ours");
  const theirs = await perSession(peers, "theirs");
  return [
    absoluteRow("memory of one idle session on the host (PSS, without the shell)", ours / megabyte, {
      theirs: theirs / megabyte,
      unit: "MB",
      atMost: 13,
    }),
    await idleProcessor(peers),
  ];
}

async function idleProcessor(peers: Peers): Promise<Row> {
  await using _idle = await openIdle(peers.sallyport, peers.login, sessions);
  const pids = processTree(peers.sallyport.child.pid).filter((process) => roleOf(process) !== null).map((
    { pid },
  ) => pid);
  const used = () => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  await span(1_000);
  const before = used();
  await span(idleMs);
  return absoluteRow(
    `processor time with ${sessions} idle sessions, of one core`,
    (used() - before) * 100_000 / idleMs,
    {
      unit: "%",
      atMost: 1,
    },
  );
}

export async function idleConnections(peers: Peers): Promise<Row[]> {
  // A gateway that has not carried gigabytes before: what the garbage collector gives back would hide the rest.
  await using fresh = await startSallyport({ stack: peers.stack });
  const gateway = fresh.process("gateway").pid;
  const perConnection = async (target: SshTarget, memory: () => number) => {
    await holdConnections(target, peers.login, warmUp, () => 0);
    const before = memory();
    return (await holdConnections(target, peers.login, connections, memory) - before) / connections;
  };
  const ours = await perConnection(fresh, () => memoryBytes(gateway, "divided"));
  const theirs = await perConnection(peers.sshd, () => divided(hostProcesses(peers, "theirs")));
  return [
    absoluteRow("gateway memory per idle connection", ours / megabyte, {
      theirs: theirs / megabyte,
      unit: "MB",
      atMost: 0.1,
    }),
  ];
}

/** What `memory` says while `count` connections are open and idle. */
async function holdConnections(
  target: SshTarget,
  login: string,
  count: number,
  memory: () => number,
): Promise<number> {
  using clients = new DisposableStack();
  for (let opened = 0; opened < count; opened++) clients.use(await connectClient(target, login));
  await span(2_000);
  return memory();
}
