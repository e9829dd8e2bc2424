/** Leaving a login in which the person has left: what is still to run of PAM's stack would be about nobody. */

import { exitNow } from "../../../ffi/fork.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { deleteJournal, readJournal } from "./journal.ts";

/**
 * Ends this process in the middle of a module's question, as sshd ends the process that asks. A module that got an
 * error in place of its answer would count a failed login (pam_faillock(8)), and those after it would go on.
 *
 * Before the session there is nothing to close; a session half open is the janitor's.
 *
 * @param say Tells the operator; it may throw, where nobody listens any more
 */
export function leave(settings: HostSettings, lease: string, say: () => void): never {
  try {
    say();
    if (readJournal(settings, lease).state === "starting") deleteJournal(settings, lease);
  } finally {
    exitNow(0);
  }
}
