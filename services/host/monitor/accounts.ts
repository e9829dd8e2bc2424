/** Accounts that may have to go, as the monitor sees them: lock files that somebody holds, or nobody; the rest is the sweep's. */

import { SystemError } from "../../../ffi/errno.ts";
import { FileLock } from "../../../ffi/flock.ts";
import { describeEnd, killProcess } from "../../../ffi/process.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import type { Log } from "./log.ts";
import type { Loop } from "./loop.ts";
import { endedWell, startRole, watchChild } from "./start.ts";

/** After a lease has ended: others end soon after it, and one sweep, 0.1 s of processor time, serves them all. */
const settleMs = 1_000;
/** Deleting homes takes as long as it takes; a sweep that hangs must not be the last. */
const deadlineMs = 900_000;

export interface AccountSweeperOptions {
  loop: Loop;
  log: Log;
  settings: HostSettings;
  settingsFile: string;
}

export class AccountSweeper {
  readonly #options: AccountSweeperOptions;
  #cancel: () => void = () => {};
  /** When it is looked next, by performance.now(). */
  #dueAt = Infinity;
  #isRunning = false;

  constructor(options: AccountSweeperOptions) {
    this.#options = options;
  }

  get #isOff(): boolean {
    return this.#options.settings.accounts.mode === "off";
  }

  /** Has everything an earlier boot or monitor has left seen to. */
  start(): void {
    if (!this.#isOff) this.#sweep();
  }

  /** A login is over; perhaps it was the last of its account. */
  leaseEnded(): void {
    if (!this.#isOff) this.#lookAfter(settleMs);
  }

  /** In place of a look that was to be later. */
  #lookAfter(delayMs: number): void {
    const dueAt = performance.now() + delayMs;
    if (dueAt >= this.#dueAt) return;
    this.#cancel();
    this.#dueAt = dueAt;
    this.#cancel = this.#options.loop.after(delayMs, () => {
      this.#dueAt = Infinity;
      // One that runs has another look taken when it is done.
      if (!this.#isRunning && this.#hasIdle()) this.#sweep();
    });
  }

  /** Whether there is an ephemeral account nobody is logged in to, or one whose maker died. */
  #hasIdle(): boolean {
    const folder = `${this.#options.settings.runDirectory}/accounts`;
    try {
      for (const { name } of Deno.readDirSync(folder)) {
        using lock = FileLock.attempt(`${folder}/${name}`, "exclusive");
        if (lock) return true;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof SystemError)) throw error;
    }
    return false;
  }

  #sweep(): void {
    const { loop, log, settings, settingsFile } = this.#options;
    let pid: number;
    try {
      pid = startRole("worker", [settingsFile, "--accounts"]);
    } catch (cause) {
      log("error", "Cannot start a sweep of the accounts", { cause });
      return this.#lookAfter(settings.accounts.sweepIntervalMs);
    }
    this.#isRunning = true;
    const cancel = loop.after(deadlineMs, () => killProcess(-pid, signalNumbers.KILL));
    watchChild(loop, pid, (end) => {
      cancel();
      this.#isRunning = false;
      if (!endedWell(end)) {
        log("error", "The sweep of the accounts has failed: {end}", { end: describeEnd(end) });
      }
      this.#afterSweep();
    });
  }

  /** Logins may have ended while it ran, and processes live on: both leave a lock file nobody holds. */
  #afterSweep(): void {
    if (this.#hasIdle()) this.#lookAfter(this.#options.settings.accounts.sweepIntervalMs);
  }
}
