/** Starting our own processes: the same Deno, the role's permission set, the socket as descriptor 3. */

import { fileURLToPath } from "node:url";
import { OpenFlags, openPath } from "../../../ffi/descriptor.ts";
import { Errno, SystemError } from "../../../ffi/errno.ts";
import { forkingFlags } from "../../../ffi/fork.ts";
import { killProcess, pidfdOpen, waitChild } from "../../../ffi/process.ts";
import type { ChildEnd } from "../../../ffi/process.ts";
import { closeDescriptor, socketPair } from "../../../ffi/socket.ts";
import { spawn } from "../../../ffi/spawn.ts";
import type { Loop } from "./loop.ts";

export type Role = "dispatcher" | "worker" | "zygote" | "launcher";

const roles: Record<Role, { entry: string; permissions: string; flags: string[] }> = {
  dispatcher: { entry: "services/host/dispatcher/main.ts", permissions: "dispatcher", flags: [] },
  launcher: { entry: "services/main.ts", permissions: "launcher", flags: [] },
  // A worker forks too where a session has limits that an engine cannot live under.
  worker: { entry: "services/host/worker/main.ts", permissions: "worker", flags: [forkingFlags] },
  zygote: { entry: "services/host/worker/zygote.ts", permissions: "worker", flags: [forkingFlags] },
};

const projectRoot = new URL("../../../", import.meta.url);
const standardError = 2;

/** The rest of the monitor's environment is nobody's business: PAM modules and scripts see a worker's. */
const workerVariables = /^(PATH|HOME|LANG|LC_\w+|TZ|DENO_DIR|XDG_CACHE_HOME)$/;

function environmentOf(role: Role): string[] {
  return Object.entries(Deno.env.toObject())
    .filter(([name]) => role === "dispatcher" || workerVariables.test(name))
    .map(([name, value]) => `${name}=${value}`);
}

/**
 * Starts a role's program in a session of its own, so that a terminal's signals reach the monitor alone
 * and a worker can be killed together with what PAM modules started.
 *
 * @param args Settings file first
 * @param socket Becomes descriptor 3; stays open here
 * @returns The pid
 * @throws {SystemError}
 */
export function startRole(role: Role, args: string[], socket?: number): number {
  const deno = Deno.execPath();
  const file = (path: string) => fileURLToPath(new URL(path, projectRoot));
  const { entry, permissions, flags: ownFlags } = roles[role];
  const config = file("deno.json");
  const flags = ["run", "--quiet", "--no-prompt", "--config", config, `-P=${permissions}`, ...ownFlags];
  const nothing = openPath("/dev/null", OpenFlags.readWrite);
  try {
    return spawn({
      path: deno,
      argv: [deno, ...flags, file(entry), ...args],
      environment: environmentOf(role),
      directory: "/",
      stdio: { descriptors: [nothing, nothing, standardError, ...(socket === undefined ? [] : [socket])] },
      newSession: true,
    });
  } finally {
    closeDescriptor(nothing);
  }
}

/**
 * Starts a role's program with one end of a new socket pair.
 *
 * @returns Its pid and the other end
 * @throws {SystemError} Nothing is left open then
 */
export function startWithSocket(role: Role, args: string[]): { pid: number; socket: number } {
  const [own, theirs] = socketPair();
  try {
    return { pid: startRole(role, args, theirs), socket: own };
  } catch (error) {
    closeDescriptor(own);
    throw error;
  } finally {
    closeDescriptor(theirs);
  }
}

/** Where no descriptor is to be had, a process is looked at this often instead. */
const lookMs = 500;

/**
 * Calls `onEnd` when the process `pid` ends; it need not be a child.
 *
 * @param hasEnded Tells a process that has ended without using a descriptor; asked when there is none to be had
 * @throws {SystemError} ESRCH
 */
export function watchProcess(
  loop: Loop,
  pid: number,
  onEnd: () => void,
  hasEnded = () => !killProcess(pid, 0),
): void {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(pid);
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ESRCH) throw error;
    // No descriptor or no memory left (EMFILE, ENFILE, ENOMEM): somebody's session must still be closed.
    loop.after(lookMs, () => hasEnded() ? onEnd() : watchStranger(loop, pid, onEnd, hasEnded));
    return;
  }
  const stop = loop.watch(pidfd, () => {
    stop();
    closeDescriptor(pidfd);
    onEnd();
  });
}

/** As {@link watchProcess}, also for one that may have ended already: `onEnd` is called in the loop's next turn then. */
export function watchStranger(loop: Loop, pid: number, onEnd: () => void, hasEnded?: () => boolean): void {
  try {
    watchProcess(loop, pid, onEnd, hasEnded);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ESRCH)) throw error;
    loop.after(0, onEnd);
  }
}

/** Calls `onEnd` when the child `pid` has ended, and leaves no zombie. */
export function watchChild(loop: Loop, pid: number, onEnd: (end: ChildEnd) => void): void {
  let end: ChildEnd | null = null;
  const take = () => (end ??= waitChild(pid, { noHang: true })) !== null;
  watchProcess(loop, pid, () => take() && end && onEnd(end), take);
}

export function endedWell(end: ChildEnd): boolean {
  return "code" in end && end.code === 0;
}
