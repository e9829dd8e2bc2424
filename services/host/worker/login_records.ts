/**
 * Login records as sshd writes them: utmp, wtmp and lastlog for sessions at a terminal, btmp for refusals. A record that
 * cannot be written keeps nobody from logging in.
 */

import { processId } from "../../../ffi/process.ts";
import {
  appendWtmp,
  encodeLoginRecord,
  type LastLogin,
  linesOf,
  type LoginRecord,
  putUtmp,
  readLastlog,
  writeLastlog,
} from "../../../ffi/utmp.ts";
import type { Identity } from "./identity.ts";

/** _PATH_WTMP, _PATH_BTMP, _PATH_LASTLOG of Debian. */
const wtmpFile = "/var/log/wtmp";
const btmpFile = "/var/log/btmp";
const lastlogFile = "/var/log/lastlog";

/** What went wrong, for the operator. */
export type OnFailure = (file: string, error: unknown) => void;

type Person = Pick<Identity, "login" | "uid">;

/**
 * Records that `person` has logged in from `host` at `tty`, a device under /dev.
 *
 * @param host Numeric address of the client
 * @returns When they had logged in before, or `null` if never
 */
export function recordLogin(
  person: Person,
  host: string,
  tty: string,
  onFailure: OnFailure,
): LastLogin | null {
  const line = lineOf(tty);
  const at = Date.now();
  const before = attempt(lastlogFile, onFailure, () => exchangeLastlog(person.uid, { at, line, host }));
  const record: LoginRecord = { type: "login", pid: processId(), line, user: person.login, host, at };
  putUtmp(record);
  appendWtmp(wtmpFile, record);
  return before ?? null;
}

/** A host without lastlog has none made for it: its administrator has decided so. */
function exchangeLastlog(uid: number, login: LastLogin): LastLogin | null {
  try {
    const before = readLastlog(lastlogFile, uid);
    writeLastlog(lastlogFile, uid, login);
    return before;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Records that whoever was at `tty` has left; `pid` is the worker they had. */
export function recordLogout(tty: string, pid = processId()): void {
  const record: LoginRecord = { type: "logout", pid, line: lineOf(tty), user: "", host: "", at: Date.now() };
  putUtmp(record);
  appendWtmp(wtmpFile, record);
}

/** Records the logout of everybody whom a worker that has died had at a terminal. */
export function recordLogoutsOf(pid: number): void {
  for (const line of linesOf(pid)) recordLogout(line, pid);
}

/** Records that somebody from `host` was refused as `login`; as sshd, only into a file that is there and root's own. */
export function recordRefusal(login: string, host: string, onFailure: OnFailure): void {
  attempt(btmpFile, onFailure, () => {
    const { mode, uid } = Deno.statSync(btmpFile);
    if (uid !== 0 || ((mode ?? 0) & 0o017) !== 0) {
      throw new Error("Cannot trust the file: it must be root's, and nothing to others");
    }
    using file = Deno.openSync(btmpFile, { append: true });
    const record: LoginRecord = {
      type: "failed",
      pid: processId(),
      line: "ssh:notty",
      user: login,
      host,
      at: Date.now(),
    };
    file.writeSync(encodeLoginRecord(record));
  });
}

/** In sshd's words (sshlogin.c), and ctime(3)'s. */
export function lastLoginText({ at, host }: LastLogin): string {
  const time = new Date(at);
  const [weekday, month] = [dayNames[time.getDay()], monthNames[time.getMonth()]];
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
  const when = `${weekday} ${month} ${String(time.getDate()).padStart(2)} ${clock} ${time.getFullYear()}`;
  return host === "" ? `Last login: ${when}` : `Last login: ${when} from ${host}`;
}

const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function lineOf(tty: string): string {
  return tty.replace(/^\/dev\//, "");
}

function attempt<T>(file: string, onFailure: OnFailure, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) onFailure(file, error);
    return undefined;
  }
}
