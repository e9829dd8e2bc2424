/** One machine of the fleet: mount, PID, UTS, IPC and network namespaces of its own, and programs that run in them. */

import { must } from "./command.ts";
import type { Cable, Network } from "./network.ts";

const script = new URL("./machine.sh", import.meta.url).pathname;

export interface MachineOptions {
  name: string;
  network: Network;
  address: string;
  /** An empty folder, which may be the same for all: each mounts its own memory there. */
  scratch: string;
  /** The text of /etc/hosts. */
  hostsFile: string;
}

export class Machine {
  readonly #unshare: Deno.ChildProcess;
  readonly #lifeline: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(
    readonly name: string,
    readonly address: string,
    unshare: Deno.ChildProcess,
    lifeline: WritableStreamDefaultWriter<Uint8Array>,
    /** Its PID 1, as seen from here. */
    readonly pid: number,
    readonly cable: Cable,
  ) {
    [this.#unshare, this.#lifeline] = [unshare, lifeline];
  }

  static async start({ name, network, address, scratch, hostsFile }: MachineOptions): Promise<Machine> {
    const unshare = new Deno.Command("unshare", {
      args: [
        ...["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc", "--net"],
        ...["--propagation", "private", "/bin/sh", script],
        ...[name, network.withPrefix(address), scratch, hostsFile],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const pid = await firstChild(unshare.pid);
    const cable = await network.plug(pid);
    const lifeline = unshare.stdin.getWriter();
    await lifeline.write(new TextEncoder().encode("plugged\n"));
    const { value } = await unshare.stdout.getReader().read();
    if (value === undefined) throw new Error(`Cannot start the machine ${name}`);
    return new Machine(name, address, unshare, lifeline, pid, cable);
  }

  /** The command line that runs `argv` inside. */
  inside(argv: string[]): string[] {
    const namespaces = ["--mount", "--pid", "--uts", "--ipc", "--net"];
    return ["nsenter", "--target", String(this.pid), ...namespaces, "--", ...argv];
  }

  /** Runs a program inside to its end. @returns What it printed @throws {Error} When it fails */
  run(...argv: string[]): Promise<string> {
    const [command, ...args] = this.inside(argv);
    return must(command!, ...args);
  }

  /** Starts a program inside; what it says is added to `logFile`. */
  spawn(argv: string[], logFile: string): Deno.ChildProcess {
    // The shell only redirects: Deno.Command cannot write into a file.
    const [command, ...args] = this.inside(["/bin/sh", "-c", 'exec "$@" >> "$0" 2>&1', logFile, ...argv]);
    return new Deno.Command(command!, { args, stdin: "null", cwd: "/" }).spawn();
  }

  /** Ends it as a power cut does: everything in it is killed at once. */
  async end(): Promise<void> {
    await this.#lifeline.close().catch(() => {}); // Gone already.
    await this.#unshare.status;
  }
}

/** The one child of a process that is about to have one (proc(5), `children`). */
async function firstChild(parent: number): Promise<number> {
  for (;;) {
    const [child] = (await Deno.readTextFile(`/proc/${parent}/task/${parent}/children`)).split(" ");
    if (child) return Number(child);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
