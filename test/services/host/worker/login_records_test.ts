import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { loginsOf, writeLastlog } from "../../../../ffi/utmp.ts";
import { lastLoginText, LoginRecords } from "../../../../services/host/worker/login_records.ts";
import { run } from "../../../support/command.ts";
import { dumpRecords, recordFiles } from "../../../support/login_records.ts";
import { newLogin } from "../../../support/logins.ts";
import { inNamespace } from "../../../support/namespace.ts";
import { isAlive, signal } from "../../../support/processes.ts";
import { until } from "../../../support/wait.ts";
import { Bench } from "./worker_kit.ts";

const terminal = { term: "vt220", size: { columns: 80, rows: 24, widthPx: 0, heightPx: 0 }, modes: "" };
const address = "192.0.2.7";

let people = 0;

/** A login, and a uid and a terminal that neither other tests nor real people have. */
function somebody() {
  ok(inNamespace());
  const uid = 200_000 + 10 * people++;
  return { login: newLogin(), uid, tty: `/dev/pts/${uid}` };
}

function records(from = address, pid?: number) {
  return new LoginRecords(from, (file, cause) => {
    throw new Error(file, { cause });
  }, pid);
}

Deno.test("an IPv4 address that came over an IPv6 socket is written as IPv4", async () => {
  const who = somebody();
  const login = records("::ffff:192.0.2.9");
  strictEqual(login.logIn(1, who.tty, who), null);
  login.logOutAll();
  const [first] = (await dumpRecords(recordFiles.wtmp)).filter(({ user }) => user === who.login);
  deepStrictEqual([first!.host, first!.address], ["192.0.2.9", "192.0.2.9"]);
});

Deno.test("a channel is logged out once, and one without a terminal never", async () => {
  const who = somebody();
  const login = records();
  login.logIn(1, who.tty, who);
  login.logOut(2);
  login.logOut(1);
  login.logOut(1);
  login.logOutAll();
  const line = who.tty.replace("/dev/", "");
  const found = (await dumpRecords(recordFiles.wtmp)).filter((record) => record.line === line);
  deepStrictEqual(found.map(({ type }) => type), [7, 8]);
});

Deno.test("the last login is told as ctime(3) writes it, without control characters", async () => {
  const at = 1_795_412_841_000;
  const { stdout } = await run(["date", "-d", `@${at / 1_000}`, "+%a %b %e %H:%M:%S %Y"]);
  const when = `Last login: ${stdout.trim()}`;
  strictEqual(lastLoginText({ at, line: "pts/0", host: "evil\x1b[2Jhost" }), `${when} from evil[2Jhost`);
  strictEqual(lastLoginText({ at, line: "tty1", host: "" }), when);
});

Deno.test("each terminal is told of the one before, as under sshd", () => {
  const who = somebody();
  const earlier = { at: 1_795_412_841_000, line: "pts/0", host: "192.0.2.8" };
  writeLastlog(recordFiles.lastlog, who.uid, earlier);
  const login = records();
  deepStrictEqual(login.logIn(1, who.tty, who), earlier);
  match(JSON.stringify(login.logIn(2, `${who.tty}1`, who)), /"host":"192\.0\.2\.7"/);
  login.logOutAll();
});

Deno.test("pam_lastlog's record of this login is not told as the last one, an earlier one is", () => {
  const who = somebody();
  const login = records();
  const at = Math.floor(Date.now() / 1_000) * 1_000;
  writeLastlog(recordFiles.lastlog, who.uid, { at, line: "ssh", host: address });
  strictEqual(login.logIn(1, who.tty, who), null);
  const earlier = { at: at - 100_000, line: "ssh", host: address };
  writeLastlog(recordFiles.lastlog, who.uid, earlier);
  deepStrictEqual(login.logIn(2, `${who.tty}1`, who), earlier);
  login.logOutAll();
});

Deno.test("what a dead worker left is closed, and nothing of a process with the same pid and another client", () => {
  const [who, other] = [somebody(), somebody()];
  const pid = 0x7000_0003;
  records(address, pid).logIn(1, who.tty, who);
  records("192.0.2.99", pid).logIn(1, other.tty, other);
  const fail = () => ok(false);
  LoginRecords.leftBy(pid, address, fail).logOutAll();
  deepStrictEqual(loginsOf(pid), [{ line: other.tty.replace("/dev/", ""), host: "192.0.2.99" }]);
  LoginRecords.leftBy(pid, "192.0.2.99", fail).logOutAll();
  deepStrictEqual(loginsOf(pid), []);
});

Deno.test("a forked and a spawned worker record terminals as their own", () => {
  for (const birth of ["forked", "spawned"] as const) {
    using bench = new Bench();
    using worker = bench.login("root", birth);
    using shell = worker.channel(1, { terminal });
    deepStrictEqual(loginsOf(worker.pid), [{ line: shell.tty.replace("/dev/", ""), host: address }]);
    worker.close();
    deepStrictEqual(loginsOf(worker.pid), []);
  }
});

Deno.test("a terminal that was hung up is logged out at once, whatever still runs on it", async () => {
  using bench = new Bench(undefined, { hangupGraceMs: 600_000 });
  using worker = bench.login("root");
  const shell = worker.channel(1, { text: "trap '' HUP; echo deaf; exec sleep 1000", terminal });
  shell.read("deaf");
  strictEqual(loginsOf(worker.pid).length, 1);
  shell[Symbol.dispose]();
  worker.send({ type: "channel.close", channel: 1 });
  await until("it is logged out", () => loginsOf(worker.pid).length === 0);
  ok(isAlive(shell.pid));
  signal(shell.pid, "SIGKILL");
  worker.expect("channel.exited");
  worker.close();
});
