/** Whether the five-hundredth session costs what the fiftieth did. */

import { connectClient } from "../support/client.ts";
import { memoryBytes, processorSeconds } from "../support/processes.ts";
import { type Role, type Sallyport, startSallyport } from "../support/sallyport.ts";
import { span } from "../support/wait.ts";
import type { Peers } from "./peers.ts";
import { absoluteRow, type Row } from "./table.ts";

/** Interactive sessions open at each look. */
const looks = [50, 275, 500] as const;
const openingAtOnce = 4;
/** Until the last logins' traffic is over, and V8 has given back what starting took. */
const settleMs = 3_000;
const idleMs = 10_000;
const megabyte = 1_000_000;
/** Everything that carries a session; `start` only waits. */
const services: Role[] = ["broker", "gateway", "monitor", "dispatcher", "worker"];

interface Look {
  sessions: number;
  memoryBytes: number;
  /** Processor time by service, per cent of a core; all workers together are one. */
  processor: Map<Role, number>;
}

function used(sallyport: Sallyport): Map<Role, number> {
  return new Map(services.map((role) => {
    const seconds = sallyport.processes(role).reduce((sum, { pid }) => sum + processorSeconds(pid), 0);
    return [role, seconds];
  }));
}

async function look(sallyport: Sallyport, sessions: number): Promise<Look> {
  await span(settleMs);
  const pids = services.flatMap((role) => sallyport.processes(role)).map(({ pid }) => pid);
  const memory = pids.reduce((sum, pid) => sum + memoryBytes(pid, "divided"), 0);
  const before = used(sallyport);
  await span(idleMs);
  const processor = [...used(sallyport)].map(([role, seconds]) =>
    [role, (seconds - before.get(role)!) * 100_000 / idleMs] as const
  );
  return { sessions, memoryBytes: memory, processor: new Map(processor) };
}

/** A login whose shell waits for a line. */
async function openShell(sallyport: Sallyport, login: string): Promise<Disposable> {
  const client = await connectClient(sallyport, login);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.shell({ term: "xterm" }, (error, channel) => {
    if (error) return reject(error);
    channel.once("data", () => resolve());
    channel.on("data", () => {});
  });
  await promise;
  return client;
}

export async function growth(peers: Peers): Promise<Row[]> {
  const last = looks.at(-1)!;
  await using sallyport = await startSallyport({
    stack: peers.stack,
    config: { log: { level: "warning", format: "json" }, gateway: { MaxStartups: `${last}:30:${2 * last}` } },
  });
  using clients = new DisposableStack();
  const found: Look[] = [];
  let open = 0;
  for (const sessions of looks) {
    while (open < sessions) {
      const batch = Math.min(openingAtOnce, sessions - open);
      const opened = await Promise.all(
        Array.from({ length: batch }, () => openShell(sallyport, peers.login)),
      );
      opened.forEach((client) => clients.use(client));
      open += batch;
    }
    found.push(await look(sallyport, sessions));
  }
  return rowsOf(found);
}

function rowsOf(found: Look[]): Row[] {
  const [few, some, many] = found as [Look, Look, Look];
  const perSession = (from: Look, to: Look) =>
    (to.memoryBytes - from.memoryBytes) / (to.sessions - from.sessions) / megabyte;
  const [early, late] = [perSession(few, some), perSession(some, many)];
  const [busiest, share] = [...many.processor].reduce((most, one) => one[1] > most[1] ? one : most);
  return [
    absoluteRow(`memory of a session more, all services, from ${few.sessions} to ${some.sessions}`, early, {
      unit: "MB",
      atMost: 13,
    }),
    absoluteRow(`the same from ${some.sessions} to ${many.sessions}, as a multiple of that`, late / early, {
      unit: "×",
      atMost: 1.25,
    }),
    absoluteRow(
      `processor time of the busiest service (${busiest}) with ${many.sessions} idle shells`,
      share,
      {
        unit: "%",
        atMost: 1,
      },
    ),
  ];
}
