/** The marker groups, the groups of the configuration, and which of them an account is in. */

import { groupByName } from "../../../../ffi/passwd.ts";
import type { Bench } from "./bench.ts";
import type { AccountMode, LedgerEntry } from "./ledger.ts";
import { localGroup } from "./local_files.ts";
import { markerGroups } from "./ownership.ts";
import { runProgram } from "./program.ts";

/** groupadd(8): the name is taken. */
const nameInUse = 9;
/** gpasswd(1) says 3 for a member that is none, among others. */
const notChanged = 3;

/** A group that is there stays as it is; one that is missing is made, with a gid below those of people. */
function makeGroup(name: string, { lock }: Bench): void {
  runProgram("groupadd", ["--system", name], { lock, accepted: [nameInUse] });
}

/**
 * Makes the marker group of `mode` when it is missing.
 *
 * @returns Its name
 * @throws {Error} If it has another gid than when the first account was put into it
 */
export function requireMarker(mode: AccountMode, bench: Bench): string {
  const name = markerGroups[mode];
  if (!localGroup(name)) {
    makeGroup(name, bench);
    bench.ledger.markers.delete(mode);
  }
  const gid = localGroup(name)?.gid;
  if (gid === undefined) throw new Error(`Cannot find the group ${name} after groupadd`);
  const known = bench.ledger.markers.get(mode);
  if (known !== undefined && known !== gid) {
    throw new Error(`The group ${name} has gid ${gid}, and had ${known} when accounts were put into it`);
  }
  bench.ledger.markers.set(mode, gid);
  return name;
}

/** Makes those of `names` that neither this machine nor its name service knows. */
export function requireGroups(names: readonly string[], bench: Bench): void {
  for (const name of names) if (!localGroup(name) && !groupByName(name)) makeGroup(name, bench);
}

/** Puts an account of ours into the configured groups, and out of those that only we had put it into. */
export function alignGroups(login: string, entry: LedgerEntry, bench: Bench): void {
  const wanted = bench.settings.groups;
  const given = new Set(entry.groups);
  const missing = wanted.filter((name) => !localGroup(name)?.members.includes(login));
  const dropped = entry.groups.filter((name) => !wanted.includes(name));
  if (missing.length + dropped.length === 0) return;
  const { lock } = bench;
  requireGroups(missing, bench);
  for (const name of missing) {
    runProgram("gpasswd", ["--add", login, name], { lock });
    given.add(name);
  }
  for (const name of dropped) {
    if (localGroup(name)) runProgram("gpasswd", ["--delete", login, name], { lock, accepted: [notChanged] });
    given.delete(name);
  }
  bench.record(login, { ...entry, groups: [...given] });
}
