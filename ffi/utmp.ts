/** Login records: utmp, wtmp, btmp and lastlog (utmp(5), lastlog(8)). */

import { cString, textUntilNul } from "./cstring.ts";
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
  /** Empty in a `logout`. */
  user: string;
  /** The client's numeric address; empty in a `logout`. */
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

/** The record as bytes; `ut_id` as OpenSSH makes it, the end of the line's name (loginrec.c, line_abbrevname). */
export function encodeLoginRecord(record: LoginRecord): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(Utmpx.size));
  const view = new DataView(bytes.buffer);
  const put = (offset: number, length: number, text: string) =>
    bytes.set(encoder.encode(text).subarray(0, length), offset);
  const { type, line, at } = record;
  view.setInt16(Utmpx.type, types[type], true);
  view.setInt32(Utmpx.pid, record.pid, true);
  put(Utmpx.line, Length.line, line);
  if (type !== "failed") put(Utmpx.id, Length.id, line.replace(/^tty/, "").slice(-Length.id));
  put(Utmpx.user, Length.user, record.user);
  put(Utmpx.host, Length.host, record.host);
  const [seconds, microseconds] = [Math.floor(at / 1_000), Math.floor(at % 1_000) * 1_000];
  if (compact) {
    view.setInt32(Utmpx.seconds, seconds, true);
    view.setInt32(Utmpx.microseconds, microseconds, true);
  } else {
    view.setBigInt64(Utmpx.seconds, BigInt(seconds), true);
    view.setBigInt64(Utmpx.microseconds, BigInt(microseconds), true);
  }
  bytes.set(addressBytes(record.host), Utmpx.address);
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

/** Puts a login, or the logout of its line, into utmp. @returns Whether there is a utmp to put it into */
export function putUtmp(record: LoginRecord): boolean {
  libc().setutxent();
  const put = libc().pututxline(encodeLoginRecord(record));
  libc().endutxent();
  return put !== null;
}

/** Appends to wtmp; a file that does not exist is not made. */
export function appendWtmp(file: string, record: LoginRecord): void {
  libc().updwtmpx(cString(file), encodeLoginRecord(record));
}

/** Lines where utmp says that the process `pid` has somebody logged in. */
export function linesOf(pid: number): string[] {
  const lines: string[] = [];
  libc().setutxent();
  for (let entry = libc().getutxent(); entry !== null; entry = libc().getutxent()) {
    const view = new Deno.UnsafePointerView(entry);
    if (view.getInt16(Utmpx.type) !== types.login || view.getInt32(Utmpx.pid) !== pid) continue;
    const line = new Uint8Array(new ArrayBuffer(Length.line));
    view.copyInto(line, Utmpx.line);
    lines.push(textUntilNul(line));
  }
  libc().endutxent();
  return lines;
}

/** Somebody's last login. */
export interface LastLogin {
  /** Milliseconds since the epoch, whole seconds. */
  at: number;
  line: string;
  host: string;
}

/** struct lastlog <bits/utmp.h>: int32_t ll_time @0, char ll_line[32] @4, char ll_host[256] @36; at uid × its size. */
const Lastlog = { size: 292, time: 0, line: 4, host: 36 } as const;

/** Reads the record of `uid`, which no login has written if it is `null`. @throws {Error} If the file cannot be read */
export function readLastlog(file: string, uid: number): LastLogin | null {
  using log = Deno.openSync(file, { read: true });
  log.seekSync(uid * Lastlog.size, Deno.SeekMode.Start);
  const bytes = new Uint8Array(Lastlog.size);
  if (log.readSync(bytes) !== Lastlog.size) return null;
  const seconds = new DataView(bytes.buffer).getUint32(Lastlog.time, true);
  if (seconds === 0) return null;
  const text = (from: number, length: number) => textUntilNul(bytes.subarray(from, from + length));
  return {
    at: seconds * 1_000,
    line: text(Lastlog.line, Length.line),
    host: text(Lastlog.host, Length.host),
  };
}

/** Writes the record of `uid`, into a file that is sparse and made when it is missing. @throws {Error} */
export function writeLastlog(file: string, uid: number, { at, line, host }: LastLogin): void {
  const bytes = new Uint8Array(Lastlog.size);
  new DataView(bytes.buffer).setUint32(Lastlog.time, Math.floor(at / 1_000), true);
  bytes.set(encoder.encode(line).subarray(0, Length.line), Lastlog.line);
  bytes.set(encoder.encode(host).subarray(0, Length.host), Lastlog.host);
  using log = Deno.openSync(file, { write: true, create: true, mode: 0o644 });
  log.seekSync(uid * Lastlog.size, Deno.SeekMode.Start);
  log.writeSync(bytes);
}
