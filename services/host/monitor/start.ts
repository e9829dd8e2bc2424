/** Starting our own processes: the same Deno, the role's permission set, the socket as descriptor 3. */

import { fileURLToPath } from "node:url";
import { OpenFlags, openPath } from "../../../ffi/descriptor.ts";
import { pidfdOpen, waitChild } from "../../../ffi/process.ts";
import type { ChildEnd } from "../../../ffi/process.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import { spawn } from "../../../ffi/spawn.ts";
import type { Loop } from "./loop.ts";

export type Role = "dispatcher" | "worker";

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
 * Starts `services/host/<role>/main.ts` in a session of its own, so that a terminal's signals reach the monitor alone
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
  const entry = file(`services/host/${role}/main.ts`);
  const config = file("deno.json");
  const flags = ["run", "--quiet", "--no-prompt", "--config", config, `-P=${role}`];
  const nothing = openPath("/dev/null", OpenFlags.readWrite);
  try {
    return spawn({
      path: deno,
      argv: [deno, ...flags, entry, ...args],
      environment: environmentOf(role),
      directory: "/",
      stdio: { descriptors: [nothing, nothing, standardError, ...(socket === undefined ? [] : [socket])] },
      newSession: true,
    });
  } finally {
    closeDescriptor(nothing);
  }
}

/** Calls `onEnd` when the process `pid` ends; it need not be a child. @throws {SystemError} ESRCH */
export function watchProcess(loop: Loop, pid: number, onEnd: () => void): void {
  const pidfd = pidfdOpen(pid);
  const stop = loop.watch(pidfd, () => {
    stop();
    closeDescriptor(pidfd);
    onEnd();
  });
}

/** Calls `onEnd` when the child `pid` has ended, and leaves no zombie. */
export function watchChild(loop: Loop, pid: number, onEnd: (end: ChildEnd) => void): void {
  watchProcess(loop, pid, () => {
    const end = waitChild(pid);
    if (end) onEnd(end);
  });
}

export function endedWell(end: ChildEnd): boolean {
  return "code" in end && end.code === 0;
}

/** For the log. */
export function describeEnd(end: ChildEnd): string {
  return "code" in end ? `exit code ${end.code}` : `signal ${end.signal}`;
}
