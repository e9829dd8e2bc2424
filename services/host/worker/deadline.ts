/** Bounds what PAM modules may take, even when nobody is left to kill this process. */

import { restoreSignals, setAlarm } from "../../../ffi/process.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";

/** The dispatcher and the monitor kill at the deadline, helpers included; this comes after them. */
const slackSeconds = 3;

/**
 * Runs `action`; the kernel ends this process when it takes longer than `limitMs` and a little more (alarm(2)), as sshd
 * does at its LoginGraceTime. A janitor closes what is open then.
 *
 * @param limitMs 0 for no limit
 */
export function within<T>(limitMs: number, action: () => T): T {
  if (limitMs <= 0) return action();
  restoreSignals([signalNumbers.ALRM]);
  setAlarm(Math.ceil(limitMs / 1_000) + slackSeconds);
  try {
    return action();
  } finally {
    setAlarm(0);
  }
}
