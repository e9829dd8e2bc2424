import assert from "node:assert/strict";
import {
  appendWtmp,
  encodeLoginRecord,
  type LoginRecord,
  loginsOf,
  putUtmp,
  readLastlog,
  writeLastlog,
} from "../../ffi/utmp.ts";
import { run } from "../support/command.ts";
import { makeAccount, newLogin, uidOf } from "../support/logins.ts";

const login: LoginRecord = {
  type: "login",
  pid: 4_711,
  line: "pts/123",
  user: "ada",
  host: "192.0.2.7",
  at: Date.UTC(2026, 10, 23, 12, 34, 56, 789),
};

async function dump(...records: LoginRecord[]): Promise<string[]> {
  const file = await Deno.makeTempFile();
  try {
    for (const record of records) appendWtmp(file, record);
    const { stdout } = await run(["utmpdump", file]);
    return stdout.trim().split("\n").map((line) => line.replace(/ +/g, " "));
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a record reads in utmpdump(1) as it was written", async () => {
  const ipv6 = { ...login, line: "pts/3", host: "2001:db8::7:1" };
  const mapped = { ...login, line: "tty1", host: "::ffff:192.0.2.8" };
  const logout: LoginRecord = { ...login, type: "logout" };
  const failed: LoginRecord = { ...login, type: "failed", line: "ssh:notty" };
  const expected = [
    "[7] [04711] [/123] [ada ] [pts/123 ] [192.0.2.7 ] [192.0.2.7 ]",
    "[7] [04711] [ts/3] [ada ] [pts/3 ] [2001:db8::7:1 ] [2001:db8::7:1 ]",
    "[7] [04711] [1 ] [ada ] [tty1 ] [::ffff:192.0.2.8 ] [192.0.2.8 ]",
    "[8] [04711] [ ] [ ] [pts/123 ] [ ] [0.0.0.0 ]",
    "[6] [04711] [ ] [ada ] [ssh:notty ] [192.0.2.7 ] [192.0.2.7 ]",
  ].map((start) => `${start} [2026-11-23T12:34:56,789000+00:00]`);
  assert.deepEqual(await dump(login, ipv6, mapped, logout, failed), expected);
});

Deno.test("fields are cut where they end", () => {
  const long = encodeLoginRecord({
    ...login,
    user: "u".repeat(40),
    host: "h".repeat(300),
    line: "l".repeat(40),
  }, "utmp");
  const ordinary = encodeLoginRecord(login, "utmp");
  assert.equal(long.length, ordinary.length);
  assert.deepEqual(long.subarray(340, 348), ordinary.subarray(340, 348), "the time behind them is whole");
});

Deno.test("appendWtmp() makes no file, and says why it cannot write", async () => {
  const folder = await Deno.makeTempDir();
  assert.throws(() => appendWtmp(`${folder}/wtmp`, login), Deno.errors.NotFound);
  assert.throws(() => appendWtmp(folder, login), /updwtmpx of .*: Is a directory/);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
  await Deno.remove(folder);
});

Deno.test("loginsOf() finds who is logged in through a process, until they have left", () => {
  // Numbers no process and no terminal has: other tests log in at the same time.
  const one = { ...login, pid: 0x7000_0001, line: "pts/900001" };
  const two = { ...one, line: "pts/900002" };
  assert.equal(putUtmp(one), true);
  putUtmp(two);
  putUtmp({ ...one, line: "pts/900003", pid: 0x7000_0002 });
  const places = ({ line, host }: LoginRecord) => ({ line, host });
  assert.deepEqual(loginsOf(one.pid), [one, two].map(places));
  putUtmp({ ...one, type: "logout" });
  assert.deepEqual(loginsOf(one.pid), [places(two)]);
});

Deno.test("lastlog(8) reads a record as it was written", async () => {
  const name = newLogin();
  await makeAccount(name);
  writeLastlog("/var/log/lastlog", (await uidOf(name))!, { ...login, host: "2001:db8::7" });
  const { stdout } = await run(["lastlog", "-u", name], { env: { TZ: "UTC" } });
  assert.match(stdout, new RegExp(`^${name} +pts/123 +2001:db8::7 +Mon Nov 23 12:34:56 \\+0000 2026$`, "m"));
});

Deno.test("lastlog keeps one record for each uid, in a sparse file", () => {
  const file = Deno.makeTempFileSync();
  const last = { at: login.at - login.at % 1_000, line: "pts/1", host: "192.0.2.7" };
  assert.equal(readLastlog(file, 0), null);
  writeLastlog(file, 4_000_000, last);
  assert.deepEqual(readLastlog(file, 4_000_000), last);
  assert.equal(readLastlog(file, 3_999_999), null);
  assert.ok((Deno.statSync(file).blocks ?? 0) < 64);
  assert.throws(() => readLastlog(`${file}.missing`, 0), Deno.errors.NotFound);
  assert.throws(() => writeLastlog(`${file}.missing`, 0, last), Deno.errors.NotFound);
  Deno.removeSync(file);
});
