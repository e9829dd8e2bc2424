/** Login records: utmp, wtmp, btmp and lastlog (utmp(5), lastlog(8)). */

import { cString, textUntilNul } from "./cstring.ts";
import { Errno, lastErrno, SystemError } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // void setutxent(void) <utmpx.h>
  setutxent: { parameters: [], result: "void" },
  // void endutxent(void) <utmpx.h>
  endutxent: { parameters: [], result: "void" },
  // struct utmpx *getutxent(void) <utmpx.h>
  getutxent: { parameters: [], result: "pointer" },
  // struct utmpx *pututxline(const struct utmpx *utmpx) <utmpx.h>
  pututxline: { parameters: ["buffer"], result: "pointer" },
  // void updwtmpx(const char *wtmpx_file, const struct utmpx *utmpx) <utmpx.h>
  updwtmpx: { parameters: ["buffer", "buffer"], result: "void" },
});

/** LOGIN_PROCESS, USER_PROCESS, DEAD_PROCESS <bits/utmpx.h> */
const types = { failed: 6, login: 7, logout: 8 } as const;

/** One entry of utmp, wtmp or btmp. Strings are cut to the size of their fields. */
export interface LoginRecord {
  type: keyof typeof types;
  pid: number;
  /** Terminal without `/dev/`, such as `pts/3`. */
  line: string;
  /** Left out of a `logout`. */
  user: string;
  /** The client's numeric address. Of a `logout` utmp keeps it as `ut_addr_v6` alone (logout(3)), and wtmp not at all. */
  host: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/**
 * struct utmpx <bits/utmpx.h>. On x86_64 session and time have 32 bits, since 32-bit programs share the files; on
 * aarch64 64.
 */
const compact = Deno.build.arch === "x86_64";
const Utmpx = {
  size: compact ? 384 : 400,
  type: 0,
  pid: 4,
  line: 8,
  id: 40,
  user: 44,
  host: 76,
  seconds: compact ? 340 : 344,
  microseconds: compact ? 344 : 352,
  address: compact ? 348 : 360,
} as const;
/** UT_LINESIZE, UT_NAMESIZE, UT_HOSTSIZE <bits/utmpx.h>; sizeof ut_id */
const Length = { line: 32, id: 4, user: 32, host: 256 } as const;

const encoder = new TextEncoder();

/**
 * The record as bytes for `file`; `ut_id` as OpenSSH makes it, the end of the line's name (loginrec.c,
 * line_abbrevname). In wtmp a logout is a line and a time, and nothing else (logwtmp(3)).
 */
export function encodeLoginRecord(record: LoginRecord, file: "utmp" | "wtmp"): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(Utmpx.size));
  const view = new DataView(bytes.buffer);
  const put = (offset: number, length: number, text: string) =>
    bytes.set(encoder.encode(text).subarray(0, length), offset);
  const { type, line, at } = record;
  view.setInt16(Utmpx.type, types[type], true);
  view.setInt32(Utmpx.pid, record.pid, true);
  put(Utmpx.line, Length.line, line);
  const isBare = type === "logout" && file === "wtmp";
  if (type !== "failed" && !isBare) put(Utmpx.id, Length.id, line.replace(/^tty/, "").slice(-Length.id));
  if (type !== "logout") {
    put(Utmpx.user, Length.user, record.user);
    put(Utmpx.host, Length.host, record.host);
  }
  const [seconds, microseconds] = [Math.floor(at / 1_000), Math.floor(at % 1_000) * 1_000];
  if (compact) {
    view.setInt32(Utmpx.seconds, seconds, true);
    view.setInt32(Utmpx.microseconds, microseconds, true);
  } else {
    view.setBigInt64(Utmpx.seconds, BigInt(seconds), true);
    view.setBigInt64(Utmpx.microseconds, BigInt(microseconds), true);
  }
  if (!isBare) bytes.set(addressBytes(record.host), Utmpx.address);
  return bytes;
}

/** `ut_addr_v6`: four bytes of an IPv4 address, also a mapped one, or the sixteen of an IPv6 address; else none. */
function addressBytes(host: string): Uint8Array {
  const [, ipv4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(host) ?? [];
  if (ipv4 !== undefined) return Uint8Array.from(ipv4.split("."), Number);
  const [head = "", tail] = host.split("::");
  if (!host.includes(":")) return new Uint8Array(0);
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const all = [...before, ...Array(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
  return Uint8Array.from(all.slice(0, 8).flatMap((group: number) => [group >> 8, group & 0xff]));
}

/**
 * Puts a login, or the logout of its line, into utmp. libc waits up to 10 seconds for whoever has locked the file.
 *
 * @returns `false` when this host keeps no utmp
 * @throws {SystemError}
 */
export function putUtmp(record: LoginRecord): boolean {
  libc().setutxent();
  const put = libc().pututxline(encodeLoginRecord(record, "utmp"));
  const errno = put === null ? lastErrno() : 0;
  libc().endutxent();
  if (errno !== 0 && errno !== Errno.ENOENT) throw new SystemError("pututxline", errno);
  return errno === 0;
}

/**
 * Appends to wtmp or btmp. libc waits as for utmp, and takes half a record back when the disk is full.
 *
 * @throws {Deno.errors.NotFound} If there is no such file: none is made
 * @throws {SystemError}
 */
export function appendWtmp(file: string, record: LoginRecord): void {
  const before = Deno.statSync(file).size;
  libc().updwtmpx(cString(file), encodeLoginRecord(record, "wtmp"));
  // It returns nothing: the file says whether, errno why not.
  const errno = lastErrno();
  if (Deno.statSync(file).size <= before) throw new SystemError(`updwtmpx of ${file}`, errno);
}

/** Where utmp says that the process `pid` has somebody logged in, and from which host. */
export function loginsOf(pid: number): Pick<LoginRecord, "line" | "host">[] {
  const found: Pick<LoginRecord, "line" | "host">[] = [];
  libc().setutxent();
  for (let entry = libc().getutxent(); entry !== null; entry = libc().getutxent()) {
    const view = new Deno.UnsafePointerView(entry);
    if (view.getInt16(Utmpx.type) !== types.login || view.getInt32(Utmpx.pid) !== pid) continue;
    const text = (offset: number, length: number) => {
      const bytes = new Uint8Array(new ArrayBuffer(length));
      view.copyInto(bytes, offset);
      return textUntilNul(bytes);
    };
    found.push({ line: text(Utmpx.line, Length.line), host: text(Utmpx.host, Length.host) });
  }
  libc().endutxent();
  return found;
}

/** Somebody's last login. */
export interface LastLogin {
  /** Milliseconds since the epoch, whole seconds. */
  at: number;
  line: string;
  host: string;
}

/**
 * struct lastlog <bits/utmp.h>, at uid × its size: ll_time, char ll_line[32], char ll_host[256]. The time has 32 bits
 * on x86_64 (292 bytes in all) and 64 on aarch64 (296).
 */
const Lastlog = compact
  ? { time: 0, line: 4, host: 36, size: 292 } as const
  : { time: 0, line: 8, host: 40, size: 296 } as const;

/** Reads the record of `uid`, which no login has written if it is `null`. @throws {Error} If the file cannot be read */
export function readLastlog(file: string, uid: number): LastLogin | null {
  using log = Deno.openSync(file, { read: true });
  log.seekSync(uid * Lastlog.size, Deno.SeekMode.Start);
  const bytes = new Uint8Array(Lastlog.size);
  if (log.readSync(bytes) !== Lastlog.size) return null;
  // Little endian: until 2106 the low half is all of a 64-bit time.
  const seconds = new DataView(bytes.buffer).getUint32(Lastlog.time, true);
  if (seconds === 0) return null;
  const text = (from: number, length: number) => textUntilNul(bytes.subarray(from, from + length));
  return {
    at: seconds * 1_000,
    line: text(Lastlog.line, Length.line),
    host: text(Lastlog.host, Length.host),
  };
}

/** Writes the record of `uid` into a sparse file. @throws {Error} If it does not exist, or has no room */
export function writeLastlog(file: string, uid: number, { at, line, host }: LastLogin): void {
  const bytes = new Uint8Array(Lastlog.size);
  new DataView(bytes.buffer).setUint32(Lastlog.time, Math.floor(at / 1_000), true);
  bytes.set(encoder.encode(line).subarray(0, Length.line), Lastlog.line);
  bytes.set(encoder.encode(host).subarray(0, Length.host), Lastlog.host);
  using log = Deno.openSync(file, { write: true });
  log.seekSync(uid * Lastlog.size, Deno.SeekMode.Start);
  const written = log.writeSync(bytes);
  if (written < bytes.length) throw new Error(`Cannot write more than ${written} bytes to ${file}`);
}
