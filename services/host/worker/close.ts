/** The end of a lease: shells first, then PAM. */

import { poll } from "../../../ffi/process.ts";
import { hasTerminal } from "./channels.ts";
import { reportExits, type ServedLease } from "./report_exits.ts";

/** A killed process group may take this long to die; one stuck in the kernel is left to init. */
const killedGraceMs = 1_000;

/**
 * Hangs up every terminal and waits for the shells, with SIGKILL after the grace time. What runs on pipes is left
 * alone, as under sshd. PAM closes when the caller disposes the login.
 */
export function endChannels(lease: ServedLease): void {
  const { channels, records } = lease;
  channels.hangUpAll();
  records.logOutAll();
  for (;;) {
    reportExits(lease);
    const waiting = channels.running.filter(hasTerminal);
    if (waiting.length === 0) return;
    const timeoutMs = channels.nextKillMs;
    const ended = poll(waiting.map(({ pidfd }) => ({ fd: pidfd })), timeoutMs < 0 ? killedGraceMs : timeoutMs)
      .some((events) => events !== 0);
    if (timeoutMs < 0 && !ended) return;
    channels.killOverdue();
  }
}
