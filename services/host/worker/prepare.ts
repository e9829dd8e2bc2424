/** The state a worker is in before its first PAM call, because PAM modules and the account's processes inherit it. */

import {
  closeOnExecFrom,
  getLimit,
  ignoreSignals,
  setLimit,
  setUmask,
  SIGXFSZ,
} from "../../../ffi/process.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import { readProcFile, writeProcFile } from "./proc_file.ts";

const oomScoreFile = "/proc/self/oom_score_adj";

/**
 * Once, before waiting for a lease. The worker is no subreaper: what a session leaves running belongs to init, as
 * under sshd, and `waitpid(-1)` could take a status from a PAM module that waits for its own helper.
 */
export function prepareProcess(): void {
  closeOnExecFrom(3);
  // Only the dispatcher ends a lease; a terminal's or an operator's signal must not skip closing PAM.
  const { HUP, INT, TERM, PIPE } = signalNumbers;
  // Nor must a session's limit of file sizes (setrlimit(2)): EFBIG says the same.
  ignoreSignals([HUP, INT, TERM, PIPE, SIGXFSZ]);
  setUmask(0o022);
}

/** Once, before PAM, so that pam_limits and the account start from a login's limits and not from a service's. */
export function restoreLoginLimits(openFilesSoft: number): void {
  const { hard } = getLimit("nofile");
  const soft = BigInt(openFilesSoft);
  setLimit("nofile", soft < hard ? soft : hard, hard);
  // A service may be shielded from the OOM killer; its users' processes must not be.
  if (Number(readProcFile(oomScoreFile)) < 0) writeProcFile(oomScoreFile, "0");
}
