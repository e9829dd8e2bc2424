/** The state a worker is in before its first PAM call, because PAM modules and the account's processes inherit it. */

import { OpenFlags, openPath } from "../../../ffi/descriptor.ts";
import {
  closeOnExecFrom,
  getLimit,
  ignoreSignals,
  restoreSignals,
  setLimit,
  setUmask,
  SIGCHLD,
  SIGXFSZ,
} from "../../../ffi/process.ts";
import { readProcFile, writeProcFile } from "../../../ffi/proc_file.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";

const oomScoreFile = "/proc/self/oom_score_adj";
const lastStandardDescriptor = 2;

/**
 * Once, before waiting for a lease. The worker is no subreaper: what a session leaves running belongs to init, as
 * under sshd, and `waitpid(-1)` could take a status from a PAM module that waits for its own helper.
 */
export function prepareProcess(): void {
  closeOnExecFrom(3);
  ignoreEnding();
  setUmask(0o022);
}

/**
 * Only the dispatcher ends a lease; a terminal's or an operator's signal must not skip closing PAM. Nor must a session's
 * limit of file sizes (setrlimit(2)): EFBIG says the same.
 */
function ignoreEnding(): void {
  const { HUP, INT, TERM, PIPE } = signalNumbers;
  ignoreSignals([HUP, INT, TERM, PIPE, SIGXFSZ]);
}

/**
 * After modules have had this process: puts back what one of them may have taken away and what neither the next ones
 * nor serving channels can do without.
 */
export function reclaimProcess(): void {
  ignoreEnding();
  // Ignored, it would take the exit status of every channel.
  restoreSignals([SIGCHLD]);
  // A terminal or pipe that became descriptor 0 would be overwritten in the child that is given it.
  let fd = openPath("/dev/null", OpenFlags.readWrite);
  while (fd <= lastStandardDescriptor) fd = openPath("/dev/null", OpenFlags.readWrite);
  closeDescriptor(fd);
}

/** Once, before PAM, so that pam_limits and the account start from a login's limits and not from a service's. */
export function restoreLoginLimits(openFilesSoft: number): void {
  const { hard } = getLimit("nofile");
  const soft = BigInt(openFilesSoft);
  setLimit("nofile", soft < hard ? soft : hard, hard);
  // A service may be shielded from the OOM killer; its users' processes must not be.
  if (Number(readProcFile(oomScoreFile)) < 0) writeProcFile(oomScoreFile, "0");
}
