/**
 * Login records as sshd writes them: utmp, wtmp and lastlog for sessions at a terminal, btmp for refusals. A record that
 * cannot be written keeps nobody from logging in.
 */

import { processId } from "../../../ffi/process.ts";
import {
  appendWtmp,
  type LastLogin,
  type LoginRecord,
  loginsOf,
  putUtmp,
  readLastlog,
  writeLastlog,
} from "../../../ffi/utmp.ts";
import { printable } from "./conversation.ts";
import type { Identity } from "./identity.ts";

/** _PATH_UTMP, _PATH_WTMP, _PATH_BTMP, _PATH_LASTLOG of Debian. */
const utmpFile = "/var/run/utmp";
const wtmpFile = "/var/log/wtmp";
const btmpFile = "/var/log/btmp";
const lastlogFile = "/var/log/lastlog";

/** The terminal of who was refused. */
const noTerminal = "ssh:notty";
/** What pam_lastlog takes for the terminal: PAM_TTY, before there is one. */
const pamTerminal = "ssh";
/** S_IXGRP | S_IRWXO <bits/stat.h>: btmp holds passwords that were typed as logins. */
const excessMode = 0o017;

/** What went wrong, for the operator. */
export type OnFailure = (file: string, error: unknown) => void;

/** The records of one lease. */
export class LoginRecords {
  readonly #host: string;
  readonly #onFailure: OnFailure;
  /** The worker: in the records it is what sshd's own process is in sshd's. */
  readonly #pid: number;
  readonly #since = Math.floor(Date.now() / 1_000) * 1_000;
  /** Terminals in use, by channel. */
  readonly #open = new Map<number, string>();
  #hasFailed = false;

  /**
   * Made before PAM is asked.
   *
   * @param address Of the client, numeric
   * @param onFailure Called once at most: on a full disk every record fails
   */
  constructor(address: string, onFailure: OnFailure, pid = processId()) {
    this.#host = plainAddress(address);
    this.#onFailure = onFailure;
    this.#pid = pid;
  }

  /**
   * What utmp says that the worker `pid`, which has died, has left open.
   *
   * @param address Of its client: another program's process may have had the same pid
   */
  static leftBy(pid: number, address: string, onFailure: OnFailure): LoginRecords {
    const records = new LoginRecords(address, onFailure, pid);
    const logins = loginsOf(pid).filter(({ host }) => host === records.#host);
    for (const [index, { line }] of logins.entries()) records.#open.set(index, line);
    return records;
  }

  /**
   * Records that `person` has logged in at `tty`, a device under /dev.
   *
   * @returns When they had logged in before; `null` if never, or if pam_lastlog has just written this very login: then
   *   it has spoken as well, or was told not to. (sshd calls this login the last one, and says so)
   */
  logIn(channel: number, tty: string, { login, uid }: Pick<Identity, "login" | "uid">): LastLogin | null {
    const line = lineOf(tty);
    const host = this.#host;
    const at = Date.now();
    this.#open.set(channel, line);
    let before: LastLogin | null = null;
    this.#attempt(lastlogFile, () => {
      before = readLastlog(lastlogFile, uid);
      writeLastlog(lastlogFile, uid, { at, line, host });
    });
    this.#put({ type: "login", pid: this.#pid, line, user: login, host, at });
    return before && this.#isOurs(before) ? null : before;
  }

  #isOurs({ at, line }: LastLogin): boolean {
    return line === pamTerminal && at >= this.#since;
  }

  /**
   * Records that the channel's terminal is given up, as sshd does as soon as it is hung up, whatever still runs there.
   * Nothing happens to a channel without a terminal, or the second time.
   */
  logOut(channel: number): void {
    const line = this.#open.get(channel);
    if (line === undefined) return;
    this.#open.delete(channel);
    this.#put({ type: "logout", pid: this.#pid, line, user: "", host: this.#host, at: Date.now() });
  }

  logOutAll(): void {
    for (const channel of [...this.#open.keys()]) this.logOut(channel);
  }

  /** Records that somebody was refused as `login`; as sshd, only into a file that is there and root's own. */
  refuse(login: string): void {
    this.#attempt(btmpFile, () => {
      const { mode, uid } = Deno.statSync(btmpFile);
      if (uid !== 0 || ((mode ?? 0) & excessMode) !== 0) {
        throw new Error("Cannot trust the file: it must be root's, and nothing to others");
      }
      const at = Math.floor(Date.now() / 1_000) * 1_000; // whole seconds, as sshd's
      appendWtmp(btmpFile, {
        type: "failed",
        pid: this.#pid,
        line: noTerminal,
        user: login,
        host: this.#host,
        at,
      });
    });
  }

  #put(record: LoginRecord): void {
    this.#attempt(utmpFile, () => putUtmp(record));
    this.#attempt(wtmpFile, () => appendWtmp(wtmpFile, record));
  }

  /** A host without the file has none made for it: its administrator has decided so. */
  #attempt(file: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (!this.#hasFailed) this.#onFailure(file, error);
      this.#hasFailed = true;
    }
  }
}

/** In sshd's words (sshlogin.c), and ctime(3)'s. */
export function lastLoginText({ at, host }: LastLogin): string {
  const time = new Date(at);
  const [weekday, month] = [dayNames[time.getDay()], monthNames[time.getMonth()]];
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
  const when = `${weekday} ${month} ${String(time.getDate()).padStart(2)} ${clock} ${time.getFullYear()}`;
  return host === "" ? `Last login: ${when}` : `Last login: ${when} from ${printable(host)}`;
}

const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function lineOf(tty: string): string {
  return tty.replace(/^\/dev\//, "");
}

/** An IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) is written as what it is. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}
