/** The process table, read from /proc (proc(5)). */

export interface ProcessInfo {
  pid: number;
  parent: number;
  /** Real uid. */
  uid: number;
  /** One letter as in ps: `R`, `S`, `T` (stopped), `Z` (dead, not waited for)… */
  state: string;
  /** Session id; the pid of a session's leader. */
  session: number;
  argv: string[];
}

function readProcess(pid: number): ProcessInfo | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const [state, parent, _group, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const argv = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
    return {
      pid,
      parent: Number(parent),
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]),
      state: state!,
      session: Number(session),
      argv,
    };
  } catch {
    return null; // Gone between two reads.
  }
}

/** Every process of this PID namespace, the dead among them. */
export function allProcesses(): ProcessInfo[] {
  const pids = Deno.readDirSync("/proc").map(({ name }) => Number(name)).filter((pid) => pid > 0).toArray();
  return pids.map(readProcess).filter((found) => found !== null);
}

/** `root` and everything below it. */
export function processTree(root: number): ProcessInfo[] {
  const all = allProcesses();
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

/** Living processes of a uid. */
export function processesOf(uid: number): ProcessInfo[] {
  return allProcesses().filter((process) => process.uid === uid && process.state !== "Z");
}

/** Whether a process runs, or could go on running. */
export function isAlive(pid: number): boolean {
  const found = readProcess(pid);
  return found !== null && found.state !== "Z" && found.state !== "X";
}

/** Resident memory in bytes; `shared: "divided"` counts a shared page once for all (PSS). */
export function memoryBytes(pid: number, shared: "whole" | "divided"): number {
  const field = shared === "divided" ? "Pss" : "Rss";
  try {
    const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Processor time used so far, in seconds. */
export function processorSeconds(pid: number): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
