/** Whether a forked Deno works on this machine, tried before anybody's login depends on it. */

import { exitNow, forkProcess } from "../../../ffi/fork.ts";
import { Transaction } from "../../../ffi/pam.ts";
import { killProcess, pidfdOpen, poll, startSession, waitChild } from "../../../ffi/process.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import { exchangeKeys } from "./warm_up.ts";

/** What a child that got everything right exits with: no crash and no module does by accident. */
const goodCode = 42;
const deadlineMs = 5_000;
const service = "self-check";
const permitStack = ["auth", "account", "session"].map((type) => `${type} required pam_permit.so\n`).join("");

/**
 * Has a child exchange keys and, where the settings have PAM, go through a login against a stack of pam_permit.
 *
 * @param fork As {@link forkProcess}
 * @throws {Error} If the child crashes, hangs, or finds something wrong
 */
export function checkForking(settings: HostSettings, fork = forkProcess): void {
  Deno.mkdirSync(settings.runDirectory, { recursive: true, mode: 0o700 });
  const confdir = Deno.makeTempDirSync({ dir: settings.runDirectory, prefix: "self-check-" });
  try {
    Deno.writeTextFileSync(`${confdir}/${service}`, permitStack, { mode: 0o600 });
    const pid = fork();
    if (pid === 0) beChecked(settings.pam.enabled ? confdir : null);
    expectGood(pid);
  } finally {
    Deno.removeSync(confdir, { recursive: true });
  }
}

function beChecked(confdir: string | null): never {
  try {
    startSession();
    exchangeKeys();
    if (confdir !== null) goThroughPam(confdir);
  } catch {
    exitNow(1);
  }
  exitNow(goodCode);
}

function goThroughPam(confdir: string): void {
  using pam = Transaction.start({ serviceName: service, login: "root", confdir, conversation: () => [] });
  pam.acctMgmt();
  pam.setCred("establish");
  pam.openSession();
  pam.closeSession();
  pam.setCred("delete");
}

function expectGood(pid: number): void {
  const pidfd = pidfdOpen(pid);
  const [events] = poll([{ fd: pidfd }], deadlineMs);
  closeDescriptor(pidfd);
  if (events === 0) killProcess(pid, signalNumbers.KILL);
  const end = waitChild(pid);
  if (end && "code" in end && end.code === goodCode) return;
  throw new Error(`Cannot rely on forked processes here: the trial ended with ${JSON.stringify(end)}`);
}
