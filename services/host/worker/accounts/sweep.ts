/**
 * The sweep: a short process the monitor starts when it starts itself, and whenever a login of an ephemeral account has
 * ended. It finishes what others left undone and removes ephemeral accounts that nothing runs as.
 */

import { FileLock } from "../../../../ffi/flock.ts";
import { chooseFormat, formatRecord } from "../../../../shared/log_record.ts";
import type { HostSettings } from "../../../../shared/config/host_settings.ts";
import { type LogLevel, logLevels } from "../../../../shared/protocol/worker.ts";
import { prepareProcess } from "../prepare.ts";
import { Bench, type Log } from "./bench.ts";
import { discardHome } from "./home.ts";
import type { LedgerEntry } from "./ledger.ts";
import { localAccount } from "./local_files.ts";
import { standingOf } from "./ownership.ts";
import { removeAccount } from "./remove.ts";
import { removeSudoers } from "./sudoers.ts";

/** Says in one line why, when the ledger cannot be used; nothing was touched then. */
export function sweepAccounts(settings: HostSettings): void {
  prepareProcess();
  const log = stderrLog(settings);
  try {
    sweepAll(settings, log);
  } catch (cause) {
    log("error", "Cannot sweep the accounts", { cause });
  }
}

function sweepAll(settings: HostSettings, log: Log): void {
  for (const login of loginsToSee(settings, log)) {
    // The lock is given up in between, so that a login waits for one removal and not for all.
    using bench = new Bench(settings, log);
    try {
      sweepOne(login, bench);
    } catch (cause) {
      log("error", "Cannot sweep the account {login}", { login, cause });
    }
  }
  for (const entry of tidied(settings, log)) discardHome(entry, log);
}

function loginsToSee(settings: HostSettings, log: Log): string[] {
  using bench = new Bench(settings, log);
  // Puts a ledger on the disk that was just rebuilt.
  if (bench.ledger.accounts.size > 0) bench.save();
  return [...bench.ledger.accounts].filter(([, { state }]) => state !== "removed").map(([login]) => login);
}

/** All entries, once lock files of accounts that no sweep will remove are gone. */
function tidied(settings: HostSettings, log: Log): LedgerEntry[] {
  using bench = new Bench(settings, log);
  for (const login of bench.lockedLogins()) {
    const entry = bench.ledger.accounts.get(login);
    if (entry && entry.mode === "ephemeral" && entry.state !== "removed") continue;
    using lock = FileLock.attempt(bench.loginLock(login), "exclusive");
    if (lock) Deno.removeSync(bench.loginLock(login));
  }
  return [...bench.ledger.accounts.values()];
}

function sweepOne(login: string, bench: Bench): void {
  const entry = bench.ledger.accounts.get(login);
  if (!entry || entry.state === "removed") return;
  switch (standingOf(login, bench.ledger)) {
    case "unfinished":
      removeAccount(login, bench);
      return;
    case "ours":
      if (entry.mode === "ephemeral" && removeAccount(login, bench) === "busy") {
        bench.log("debug", "The account {login} is kept: it is in use", { login });
        leaveLock(login, bench);
      }
      return;
    default:
      return disown(login, entry, bench);
  }
}

/** So that the monitor, which looks at these files alone, has it swept again; after a boot there is none. */
function leaveLock(login: string, bench: Bench): void {
  FileLock.attempt(bench.loginLock(login), "shared")?.[Symbol.dispose]();
}

/** The administrator has removed the account, or taken it over: from now on it is not ours, and its home neither. */
function disown(login: string, entry: LedgerEntry, bench: Bench): void {
  const exists = localAccount(login) !== null;
  bench.log("info", exists ? "The account {login} is no longer ours" : "The account {login} is gone", {
    login,
  });
  removeSudoers(entry.uid);
  bench.record(login, { ...entry, state: "removed", ownsHome: false, removedAt: Date.now() });
}

/** To the monitor's own stderr, as its log. */
function stderrLog({ logLevel, logFormat }: HostSettings): Log {
  const format = chooseFormat(logFormat);
  return (level: LogLevel, message, properties = {}) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(logLevel)) return;
    console.error(formatRecord({ at: new Date(), level, service: "accounts", message, properties }, format));
  };
}
