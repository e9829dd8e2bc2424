/** Removing an account of ours, once nobody is logged in and nothing runs as it. */

import { FileLock } from "../../../../ffi/flock.ts";
import type { Bench } from "./bench.ts";
import { discardSpools, setHomeAside } from "./home.ts";
import { localAccount, localGroup } from "./local_files.ts";
import { hasOpenLease } from "./open_leases.ts";
import { processesOf } from "./processes.ts";
import { runProgram } from "./program.ts";
import { alignSudoers, removeSudoers } from "./sudoers.ts";

/** userdel(8): no such account, and: somebody is logged in. */
const UserdelCode = { missing: 6, busy: 8 } as const;

/** `busy`: somebody is logged in, or something runs as the account, or PAM is not closed yet. */
export type Removal = "removed" | "busy";

/**
 * Removes `login`, which the caller has found to be ours or unfinished. Each step may have been taken before.
 *
 * @throws {Error} If userdel(8) fails; the entry says `removing` then, and the next attempt goes on from there
 */
export function removeAccount(login: string, bench: Bench): Removal {
  const { ledger, log } = bench;
  const entry = ledger.accounts.get(login);
  if (!entry) throw new TypeError(`Cannot remove '${login}': it is not in the ledger`);
  using hold = FileLock.attempt(bench.loginLock(login), "exclusive");
  if (!hold || processesOf(entry.uid).length > 0) return "busy";
  // A half step is finished by a login too, whose own lease is in the journal; there is no session in it to close.
  if (entry.state === "made" && hasOpenLease(login, bench)) return "busy";
  if (entry.state !== "making") bench.record(login, { ...entry, state: "removing" });
  removeSudoers(entry.uid);
  if (userdel(login, bench) === "busy") {
    bench.record(login, { ...entry, state: "made" });
    alignSudoers(login, entry.uid, bench.settings.sudoers);
    return "busy";
  }
  removePrivateGroup(login, entry.uid, bench);
  setHomeAside(entry, log);
  discardSpools(login, entry.uid);
  const strays = processesOf(entry.uid);
  if (strays.length > 0) {
    log("warning", "Processes run as uid {uid}, whose account {login} was just removed", {
      ...{ uid: entry.uid, login, pids: strays },
    });
  }
  bench.record(login, { ...entry, state: "removed", removedAt: Date.now() });
  // Nobody has it open: it is opened under the bench's lock alone.
  Deno.removeSync(bench.loginLock(login));
  log("info", "Removed the account {login}", { login, uid: entry.uid });
  return "removed";
}

function userdel(login: string, { lock, ledger }: Bench): Removal {
  // Between the caller's look and now nothing can have changed but by the administrator's hand.
  if (localAccount(login)?.uid !== ledger.accounts.get(login)?.uid) return "removed";
  const code = runProgram("userdel", ["--", login], { lock, accepted: Object.values(UserdelCode) });
  return code === UserdelCode.busy ? "busy" : "removed";
}

/** userdel(8) leaves it where USERGROUPS_ENAB is off. One that the administrator has put others into stays. */
function removePrivateGroup(login: string, gid: number, { lock }: Bench): void {
  const group = localGroup(login);
  if (group?.gid === gid && group.members.length === 0) runProgram("groupdel", [login], { lock });
}
