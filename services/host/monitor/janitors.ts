/** Janitors: processes that close the PAM session a dead worker has left open, as its journal entry says. */

import { startTimeOf } from "../../../ffi/proc_file.ts";
import { describeEnd, killProcess } from "../../../ffi/process.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import type { Journal } from "./journal.ts";
import type { Log } from "./log.ts";
import type { Loop } from "./loop.ts";
import { startRole, watchChild, watchStranger } from "./start.ts";

/** Janitors at one time: after a crash there may be a thousand entries. */
const maxJanitors = 8;
/** Of these, for one login: a stack that hangs for somebody must not hold up everybody else's closing. */
const maxPerLogin = 2;
/** A janitor that did not get the entry away is tried this often, with this pause. */
const maxAttempts = 2;
const retryMs = 30_000;

interface Job {
  lease: string;
  attempt: number;
  /** `null` when the entry cannot be read. */
  login: string | null;
  /** No entry is left, or nothing more will be tried. */
  done: () => void;
}

export interface JanitorsOptions {
  loop: Loop;
  log: Log;
  journal: Journal;
  settingsFile: string;
  /** How long PAM may take to close. */
  closeTimeoutMs: number;
  /** How long a worker that nobody talks to any more may live. */
  abandonedMs: number;
}

export class Janitors {
  readonly #options: JanitorsOptions;
  readonly #waiting: Job[] = [];
  readonly #running = new Set<Job>();

  constructor(options: JanitorsOptions) {
    this.#options = options;
  }

  /** Sees to what an earlier monitor's workers have left, and to workers that still live without one. */
  takeOver(): void {
    const { journal, log } = this.#options;
    for (const lease of journal.leases()) {
      const owner = journal.owner(lease);
      if (owner && startTimeOf(owner.pid) === owner.startTime) {
        const { pid } = owner;
        log("info", "Worker {pid} of an earlier monitor still closes lease {lease}", { pid, lease });
        this.#await(pid, lease);
      } else this.close(lease, () => {});
    }
  }

  /** Lets the worker finish by itself, for as long as it would have had under the monitor it was started by. */
  #await(pid: number, lease: string): void {
    const { loop, log, abandonedMs } = this.#options;
    const cancel = loop.after(abandonedMs, () => {
      log("warning", "Killing worker {pid} of lease {lease}", { pid, lease });
      killProcess(-pid, signalNumbers.KILL);
    });
    watchStranger(loop, pid, () => {
      cancel();
      this.close(lease, () => {});
    });
  }

  /** Closes PAM of `lease`, whose worker is gone, if it has to be; `done` is called in any case. */
  close(lease: string, done: () => void): void {
    const login = this.#options.journal.owner(lease)?.login ?? null;
    this.#queue({ lease, login, attempt: 1, done });
  }

  #queue(job: Job): void {
    this.#waiting.push(job);
    this.#next();
  }

  #next(): void {
    while (this.#running.size < maxJanitors) {
      const index = this.#waiting.findIndex(({ login }) => this.#runningFor(login) < maxPerLogin);
      const [job] = index < 0 ? [] : this.#waiting.splice(index, 1);
      if (!job) return;
      if (this.#options.journal.has(job.lease)) this.#start(job);
      else job.done();
    }
  }

  #runningFor(login: string | null): number {
    return [...this.#running].filter((job) => job.login === login).length;
  }

  #start(job: Job): void {
    const { log, loop, settingsFile, closeTimeoutMs } = this.#options;
    const { lease, attempt } = job;
    let pid: number;
    try {
      pid = startRole("worker", [settingsFile, "--janitor", lease]);
    } catch (cause) {
      log("error", "Cannot start a janitor for lease {lease}", { lease, cause });
      return this.#again(job);
    }
    log("warning", "Janitor {pid} closes lease {lease}", { pid, lease, attempt });
    this.#running.add(job);
    const cancel = loop.after(closeTimeoutMs, () => killProcess(-pid, signalNumbers.KILL));
    watchChild(loop, pid, (end) => {
      cancel();
      this.#running.delete(job);
      if (this.#options.journal.has(lease)) {
        log("error", "The janitor of lease {lease} has failed: {end}", { lease, end: describeEnd(end) });
        this.#again(job);
      } else job.done();
      this.#next();
    });
  }

  #again(job: Job): void {
    if (job.attempt < maxAttempts) {
      this.#options.loop.after(retryMs, () => this.#queue({ ...job, attempt: job.attempt + 1 }));
      return;
    }
    this.#options.log("error", "PAM of lease {lease} stays open; its journal entry is kept", {
      lease: job.lease,
    });
    job.done();
  }
}
