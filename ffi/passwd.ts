/** Accounts and groups as the name service switch knows them (/etc/passwd, LDAP, SSSD …). */

import { cString, readCString } from "./cstring.ts";
import { Errno, SystemError } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // int getpwnam_r(const char *name, struct passwd *pwd, char *buf, size_t buflen, struct passwd **result) <pwd.h>
  getpwnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // int getpwuid_r(uid_t uid, struct passwd *pwd, char *buf, size_t buflen, struct passwd **result) <pwd.h>
  getpwuid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // int getgrnam_r(const char *name, struct group *grp, char *buf, size_t buflen, struct group **result) <grp.h>
  getgrnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // int getgrgid_r(gid_t gid, struct group *grp, char *buf, size_t buflen, struct group **result) <grp.h>
  getgrgid_r: { parameters: ["u32", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  // int getgrouplist(const char *user, gid_t group, gid_t *groups, int *ngroups) <grp.h>
  getgrouplist: { parameters: ["buffer", "u32", "buffer", "buffer"], result: "i32" },
});

/** One account; text that is not UTF-8 has U+FFFD in it. */
export interface PasswdEntry {
  name: string;
  uid: number;
  /** Primary group. */
  gid: number;
  gecos: string;
  home: string;
  /** Login shell; empty means /bin/sh (passwd(5)). */
  shell: string;
}

/** One group. */
export interface GroupEntry {
  name: string;
  gid: number;
}

/** struct passwd <pwd.h> on 64-bit Linux: char *pw_name … char *pw_shell. */
const Passwd = { size: 48, name: 0, uid: 16, gid: 20, gecos: 24, home: 32, shell: 40 } as const;
/** struct group <grp.h> on 64-bit Linux: char *gr_name, char *gr_passwd, gid_t gr_gid, char **gr_mem. */
const Group = { size: 32, name: 0, gid: 16 } as const;

const POINTER_BYTES = 8;
const FIRST_BUFFER_BYTES = 4096;
/** Enough for a group of a hundred thousand members; ERANGE beyond it is an error of the name service. */
const MAX_BUFFER_BYTES = 4 * 1024 * 1024;
/** NGROUPS_MAX <linux/limits.h> */
const MAX_GROUPS = 65536;
/** What getpwnam(3) lists as "not found" besides 0. */
const notFound = new Set<number>([0, Errno.ENOENT, Errno.ESRCH, Errno.EBADF, Errno.EPERM]);

type Buffer = Uint8Array<ArrayBuffer>;
type Query = (entry: Buffer, strings: Buffer, stringsBytes: bigint, result: BigUint64Array) => number;

/**
 * Looks an account up. The name service may keep a miss in mind: ask only once the account should exist.
 *
 * @throws {SystemError} If the name service itself fails
 */
export function passwdByName(name: string): PasswdEntry | null {
  const key = cString(name);
  return lookUp("getpwnam_r", Passwd.size, readPasswd, (...out) => libc().getpwnam_r(key, ...out));
}

/** As {@link passwdByName}, by uid. */
export function passwdByUid(uid: number): PasswdEntry | null {
  return lookUp("getpwuid_r", Passwd.size, readPasswd, (...out) => libc().getpwuid_r(uid, ...out));
}

/** Looks a group up. @throws {SystemError} If the name service itself fails */
export function groupByName(name: string): GroupEntry | null {
  const key = cString(name);
  return lookUp("getgrnam_r", Group.size, readGroup, (...out) => libc().getgrnam_r(key, ...out));
}

/** As {@link groupByName}, by gid. */
export function groupByGid(gid: number): GroupEntry | null {
  return lookUp("getgrgid_r", Group.size, readGroup, (...out) => libc().getgrgid_r(gid, ...out));
}

/**
 * All groups `login` is in, its primary group `gid` first (getgrouplist(3)).
 *
 * @throws {RangeError} If there are more than the kernel allows, 65536
 */
export function groupList(login: string, gid: number): number[] {
  const user = cString(login);
  for (let capacity = 64; capacity <= MAX_GROUPS; capacity *= 2) {
    const groups = new Uint32Array(new ArrayBuffer(capacity * Uint32Array.BYTES_PER_ELEMENT));
    const count = Int32Array.of(capacity);
    if (libc().getgrouplist(user, gid, groups, count) >= 0) return [...groups.subarray(0, count[0])];
  }
  throw new RangeError(`Cannot use the groups of ${login}: there are more than ${MAX_GROUPS}`);
}

function lookUp<T>(call: string, entryBytes: number, read: (entry: DataView) => T, query: Query): T | null {
  for (let bytes = FIRST_BUFFER_BYTES; bytes <= MAX_BUFFER_BYTES; bytes *= 2) {
    const entry = new Uint8Array(new ArrayBuffer(entryBytes));
    const strings = new Uint8Array(new ArrayBuffer(bytes));
    const result = new BigUint64Array(new ArrayBuffer(POINTER_BYTES));
    const errno = query(entry, strings, BigInt(bytes), result);
    if (errno === Errno.ERANGE) continue;
    if (!notFound.has(errno)) throw new SystemError(call, errno);
    if (result[0] === 0n) return null;
    const found = read(new DataView(entry.buffer));
    // The entry points into `strings`: this use after reading keeps them alive until here.
    strings.fill(0);
    return found;
  }
  throw new SystemError(call, Errno.ERANGE);
}

function readPasswd(entry: DataView): PasswdEntry {
  return {
    name: readText(entry, Passwd.name),
    uid: entry.getUint32(Passwd.uid, true),
    gid: entry.getUint32(Passwd.gid, true),
    gecos: readText(entry, Passwd.gecos),
    home: readText(entry, Passwd.home),
    shell: readText(entry, Passwd.shell),
  };
}

function readGroup(entry: DataView): GroupEntry {
  return { name: readText(entry, Group.name), gid: entry.getUint32(Group.gid, true) };
}

function readText(entry: DataView, offset: number): string {
  return readCString(Deno.UnsafePointer.create(entry.getBigUint64(offset, true))) ?? "";
}
