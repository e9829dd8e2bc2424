import assert from "node:assert/strict";
import {
  appendWtmp,
  encodeLoginRecord,
  linesOf,
  type LoginRecord,
  putUtmp,
  readLastlog,
  writeLastlog,
} from "../../ffi/utmp.ts";
import { run } from "../support/command.ts";

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
  const logout: LoginRecord = { ...login, type: "logout", user: "", host: "" };
  const failed: LoginRecord = { ...login, type: "failed", line: "ssh:notty" };
  const expected = [
    "[7] [04711] [/123] [ada ] [pts/123 ] [192.0.2.7 ] [192.0.2.7 ]",
    "[7] [04711] [ts/3] [ada ] [pts/3 ] [2001:db8::7:1 ] [2001:db8::7:1 ]",
    "[7] [04711] [1 ] [ada ] [tty1 ] [::ffff:192.0.2.8 ] [192.0.2.8 ]",
    "[8] [04711] [/123] [ ] [pts/123 ] [ ] [0.0.0.0 ]",
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
  });
  const ordinary = encodeLoginRecord(login);
  assert.equal(long.length, ordinary.length);
  assert.deepEqual(long.subarray(340, 348), ordinary.subarray(340, 348), "the time behind them is whole");
});

Deno.test("linesOf() finds who is logged in through a process, until they have left", () => {
  Deno.writeFileSync("/run/utmp", new Uint8Array(0));
  assert.equal(putUtmp(login), true);
  putUtmp({ ...login, line: "pts/124" });
  putUtmp({ ...login, line: "pts/125", pid: 4_712 });
  assert.deepEqual(linesOf(4_711), ["pts/123", "pts/124"]);
  putUtmp({ ...login, type: "logout", user: "", host: "" });
  assert.deepEqual(linesOf(4_711), ["pts/124"]);
  Deno.removeSync("/run/utmp");
  assert.equal(putUtmp(login), false);
  assert.deepEqual(linesOf(4_711), []);
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
  Deno.removeSync(file);
});
