/**
 * Home folders. useradd(8) makes them and copies /etc/skel; here is decided whether it may, and what goes again.
 *
 * There is no race to win: the folder above belongs to root alone, and nothing runs under the new uid yet.
 */

import { dirname } from "node:path";
import type { Log } from "./bench.ts";
import type { LedgerEntry } from "./ledger.ts";
import { runProgram } from "./program.ts";

/** A large home takes its time, and nobody waits for it. */
const discardDeadlineMs = 600_000;
/** Group and others may not write. */
const foreignWrite = 0o022;

function lstat(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Whether useradd(8) is to make `home`; `false` when it is there already and belongs to `uid`, as after a restored backup.
 *
 * @throws {Error} If it is somebody else's, no folder, or somebody else could put something in its place
 */
export function mayMakeHome(home: string, uid: number): boolean {
  const parent = dirname(home);
  const above = Deno.statSync(parent);
  if (!above.isDirectory || above.uid !== 0 || ((above.mode ?? 0) & foreignWrite) !== 0) {
    throw new Error(`Cannot make homes in ${parent}: it must be a folder only root can write to`);
  }
  const found = lstat(home);
  if (!found) return true;
  if (!found.isDirectory || found.uid !== uid) {
    throw new Error(`Cannot use ${home}: it exists and does not belong to uid ${uid}`);
  }
  return false;
}

/** Where a home waits for its removal: its own name is free at once. No login has a name with a dot in front. */
export function discardedHome({ home, uid }: Pick<LedgerEntry, "home" | "uid">): string {
  return `${dirname(home)}/.sallyport-removed-${uid}`;
}

/** Puts the home of a removed account out of the way; one that is a mount point or somebody else's stays. */
export function setHomeAside(entry: LedgerEntry, log: Log): void {
  if (!entry.ownsHome) return;
  const found = lstat(entry.home);
  if (!found) return;
  try {
    if (!found.isDirectory || found.uid !== entry.uid) throw new Error("It is not the account's folder");
    Deno.renameSync(entry.home, discardedHome(entry));
  } catch (cause) {
    log("warning", "The home {home} of a removed account stays", { home: entry.home, cause });
  }
}

/** Deletes what {@link setHomeAside} has left, if anything; follows no link and enters no other file system. */
export function discardHome(entry: LedgerEntry, log: Log): void {
  const path = discardedHome(entry);
  if (!lstat(path)) return;
  try {
    runProgram("rm", ["-rf", "--one-file-system", "--", path], { deadlineMs: discardDeadlineMs });
  } catch (cause) {
    log("warning", "Cannot delete {path}, the home of a removed account", { path, cause });
  }
}

/** Mail and cron table of a removed account, where it has left any: cron would go on with it at the next login. */
export function discardSpools(login: string, uid: number): void {
  for (const folder of ["/var/mail", "/var/spool/cron/crontabs", "/var/spool/cron"]) {
    const path = `${folder}/${login}`;
    const found = lstat(path);
    if (found?.isFile && found.uid === uid) Deno.removeSync(path);
  }
}
