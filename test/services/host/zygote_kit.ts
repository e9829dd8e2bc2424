/** A zygote without a monitor, for tests that want forked workers. */

import { killProcess, pidfdOpen, poll } from "../../../ffi/process.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import { Loop } from "../../../services/host/monitor/loop.ts";
import { Zygote } from "../../../services/host/monitor/zygote.ts";
import { processTree } from "../../support/processes.ts";

const sigkill = 9;

export class TestZygote implements Disposable {
  readonly #zygote: Zygote;
  readonly #settingsFile: string;
  readonly pid: number;

  /** Waits until it is ready. */
  constructor(settingsFile: string) {
    const loop = new Loop();
    const said: string[] = [];
    this.#settingsFile = settingsFile;
    this.#zygote = new Zygote({
      loop,
      log: (_level, message, properties) => said.push(`${message} ${JSON.stringify(properties)}`),
      settingsFile,
      onSettled: () => loop.stop(),
    });
    this.#zygote.start();
    loop.run();
    const found = this.processes()[0];
    if (!found) throw new Error(`Cannot start a zygote: ${said.join("; ")}`);
    this.pid = found;
  }

  /** Forks a worker that serves `socket`. */
  fork(socket: number): number {
    const pid = this.#zygote.fork(socket);
    if (pid === null) throw new Error("Cannot fork a worker");
    return pid;
  }

  /** The zygote and the workers it has forked. */
  processes(): number[] {
    const all = processTree(Deno.pid).filter(({ argv }) => argv.includes(this.#settingsFile));
    const zygotes = all.filter(({ argv }) => argv.some((arg) => arg.endsWith("worker/zygote.ts")));
    return zygotes.map(({ pid }) => pid).sort((a, b) => a - b);
  }

  [Symbol.dispose](): void {
    const pidfd = pidfdOpen(this.pid);
    killProcess(this.pid, sigkill);
    poll([{ fd: pidfd }], 10_000);
    closeDescriptor(pidfd);
  }
}
