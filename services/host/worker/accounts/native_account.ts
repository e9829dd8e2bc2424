/** One login's account: there when PAM is asked about it, and not removed while the lease lasts. */

import { passwdByName } from "../../../../ffi/passwd.ts";
import { FileLock } from "../../../../ffi/flock.ts";
import type { HostSettings } from "../../../../shared/config/host_settings.ts";
import { ProblemError } from "../../../../shared/protocol/problems.ts";
import { Bench, type Log } from "./bench.ts";
import { createAccount } from "./create.ts";
import { alignGroups } from "./groups.ts";
import { localAccount, localGroup } from "./local_files.ts";
import { markerGroups, standingOf } from "./ownership.ts";
import { removeAccount } from "./remove.ts";
import { alignSudoers } from "./sudoers.ts";

export class NativeAccount implements Disposable {
  readonly #settings: HostSettings;
  readonly #log: Log;
  #hold: FileLock | null = null;

  constructor(settings: HostSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /**
   * Makes `login` if `host.accounts` says so and nobody has it; brings an account of ours up to date; leaves a foreign
   * one alone. Call it before pam_acct_mgmt, which wants the account to exist.
   *
   * @throws {ProblemError} `account-not-made`
   */
  ensure(login: string): void {
    const { mode } = this.#settings.accounts;
    // Root must get in when all else is broken, so it does not even wait.
    if (mode === "off" || login === "root") return;
    try {
      using bench = new Bench(this.#settings, this.#log);
      ensureOn(bench, login, mode);
      if (localGroup(markerGroups.ephemeral)?.members.includes(login)) {
        this.#hold = FileLock.wait(bench.loginLock(login), "shared");
      }
    } catch (cause) {
      throw new ProblemError("account-not-made", undefined, { cause });
    }
  }

  /** The login is over. The monitor has the account removed, if it is one that goes. */
  [Symbol.dispose](): void {
    this.#hold?.[Symbol.dispose]();
    this.#hold = null;
  }
}

function ensureOn(bench: Bench, login: string, mode: "keep" | "ephemeral"): void {
  if (localAccount(login) && !hasLedger(bench, login)) return;
  if (standingOf(login, bench.ledger) === "unfinished") {
    bench.log("warning", "The account {login} was left half made or half removed; it is made anew", {
      login,
    });
    if (removeAccount(login, bench) === "busy" && bench.ledger.accounts.get(login)?.state === "making") {
      throw new Error(`Cannot make '${login}' anew: it is in use`);
    }
  }
  switch (standingOf(login, bench.ledger)) {
    case "absent":
      // In a directory service, say. It is asked last: a miss may be remembered until useradd(8) has it forgotten.
      if (!passwdByName(login)) createAccount(login, mode, bench);
      return;
    case "ours":
      return bringUpToDate(login, bench);
  }
}

/** An account that exists gets in, whatever has become of the ledger; without one nobody knows whether it is ours. */
function hasLedger(bench: Bench, login: string): boolean {
  try {
    return bench.ledger !== null;
  } catch (cause) {
    bench.log("error", "The ledger of accounts cannot be used; {login} is left as it is", { login, cause });
    return false;
  }
}

function bringUpToDate(login: string, bench: Bench): void {
  const entry = bench.ledger.accounts.get(login);
  if (!entry) return;
  alignGroups(login, entry, bench);
  alignSudoers(login, entry.uid, bench.settings.sudoers);
}
