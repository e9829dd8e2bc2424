/** Who this process is: groups, dropping root for good, and being somebody else for one call. */

import { Errno, lastErrno, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // int setgroups(size_t size, const gid_t *list) <grp.h>
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  // int getgroups(int size, gid_t *list) <unistd.h>
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  // int setresgid(gid_t rgid, gid_t egid, gid_t sgid) <unistd.h>
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  // int setresuid(uid_t ruid, uid_t euid, uid_t suid) <unistd.h>
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  // int getresgid(gid_t *rgid, gid_t *egid, gid_t *sgid) <unistd.h>
  getresgid: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  // int getresuid(uid_t *ruid, uid_t *euid, uid_t *suid) <unistd.h>
  getresuid: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  // void abort(void) <stdlib.h>
  abort: { parameters: [], result: "void" },
});

/** An account's numeric ids: its uid, primary group and all groups it is in. */
export interface Credentials {
  uid: number;
  gid: number;
  groups: number[];
}

/** (uid_t) -1: "leave this id as it is" in setresuid(2) and setresgid(2). */
const KEEP = 0xffff_ffff;

/**
 * Sets the supplementary groups of every thread of the process.
 *
 * @throws {SystemError} If the process may not (EPERM), or there are more than 65536 groups (EINVAL)
 */
export function setGroups(groups: number[]): void {
  unwrap("setgroups", libc().setgroups(BigInt(groups.length), Uint32Array.from(groups)));
}

/** The supplementary groups of the process, in the kernel's order. */
export function getGroups(): number[] {
  const none = new Uint32Array(0);
  const groups = new Uint32Array(unwrap("getgroups", libc().getgroups(0, none)));
  if (groups.length === 0) return [];
  return [...groups.subarray(0, unwrap("getgroups", libc().getgroups(groups.length, groups)))];
}

type Ids = [real: number, effective: number, saved: number];

function readIds(call: "getresuid" | "getresgid"): Ids {
  const ids = [new Uint32Array(1), new Uint32Array(1), new Uint32Array(1)] as const;
  unwrap(call, libc()[call](...ids));
  return [ids[0][0] ?? KEEP, ids[1][0] ?? KEEP, ids[2][0] ?? KEEP];
}

/**
 * Becomes `ids` for good: groups, gid, uid, and then the proof that there is no way back.
 *
 * @throws {RangeError} If one of the ids is 0, which would drop nothing
 * @throws {SystemError} If the process is not root
 * @throws {Error} If root could be had again; the caller has to exit at once
 */
export function dropPrivileges(ids: { uid: number; gid: number }): void {
  const { uid, gid } = ids;
  if (!(uid > 0 && gid > 0)) throw new RangeError(`Cannot drop privileges to uid ${uid}, gid ${gid}`);
  setGroups([gid]);
  unwrap("setresgid", libc().setresgid(gid, gid, gid));
  unwrap("setresuid", libc().setresuid(uid, uid, uid));
  const returned = libc().setresuid(0, 0, 0) === 0 || lastErrno() !== Errno.EPERM ||
    libc().setresgid(0, 0, 0) === 0 || lastErrno() !== Errno.EPERM;
  const groups = getGroups();
  const complete = readIds("getresuid").every((id) => id === uid) &&
    readIds("getresgid").every((id) => id === gid) && groups.length === 1 && groups[0] === gid;
  if (returned || !complete) throw new Error(`Cannot drop privileges to uid ${uid}, gid ${gid} completely`);
}

/**
 * Becomes an account for good, root too: groups, then all gids, then all uids.
 *
 * @throws {SystemError} If the process is not root; it must exit then
 */
export function becomeAccount({ uid, gid, groups }: Credentials): void {
  setGroups(groups);
  unwrap("setresgid", libc().setresgid(gid, gid, gid));
  unwrap("setresuid", libc().setresuid(uid, uid, uid));
}

/**
 * Runs `action` with the account's real ids and groups while the effective and saved ids stay root's.
 *
 * That is the state from which a child started with POSIX_SPAWN_RESETIDS is the account in all four ids. During it the
 * account's own processes may signal this one: only a process that serves this one account may do it.
 * The process aborts if it cannot become itself again.
 *
 * @param action Synchronous; its result or error is passed on
 * @throws {SystemError} If the process is not root
 */
export function withRealIds<T>(credentials: Credentials, action: () => T): T {
  return withIds(credentials.groups, [credentials.gid, KEEP, KEEP], [credentials.uid, KEEP, KEEP], action);
}

/**
 * Runs `action` with the account's effective ids and groups, so that the kernel decides about files and sockets as it
 * would for the account; real and saved ids stay root's. The process aborts if it cannot become itself again.
 *
 * @param action Synchronous; its result or error is passed on
 * @throws {SystemError} If the process is not root
 */
export function withEffectiveIds<T>(credentials: Credentials, action: () => T): T {
  return withIds(credentials.groups, [KEEP, credentials.gid, KEEP], [KEEP, credentials.uid, KEEP], action);
}

function withIds<T>(groups: number[], gids: Ids, uids: Ids, action: () => T): T {
  const own = { groups: getGroups(), gids: readIds("getresgid"), uids: readIds("getresuid") };
  // Outside the try: a process that may not do this has changed nothing yet and has nothing to restore.
  setGroups(groups);
  try {
    unwrap("setresgid", libc().setresgid(...gids));
    unwrap("setresuid", libc().setresuid(...uids));
    return action();
  } finally {
    restore(own);
  }
}

function restore(own: { groups: number[]; gids: Ids; uids: Ids }): void {
  const { setresuid, setresgid, setgroups, abort } = libc();
  const restored = setresuid(...own.uids) === 0 && setresgid(...own.gids) === 0 &&
    setgroups(BigInt(own.groups.length), Uint32Array.from(own.groups)) === 0;
  // Going on as a mixture of root and somebody else is the one thing that must never happen.
  if (!restored) abort();
}
