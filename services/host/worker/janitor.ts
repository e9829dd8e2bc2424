/** Closes the PAM session of a worker that died, from its journal entry, and then forgets the entry. */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { PamConversation } from "./conversation.ts";
import { deleteJournal, readJournal } from "./journal.ts";
import { startTransaction } from "./pam_session.ts";
import { prepareProcess, restoreLoginLimits } from "./prepare.ts";

/**
 * Does nothing when there is no entry. The caller has made sure that the worker is gone.
 *
 * @throws {PamError} If no transaction can be started; the entry stays for the next attempt then
 */
export function closeAbandonedLease(settings: HostSettings, lease: string): void {
  let entry;
  try {
    entry = readJournal(settings, lease);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  prepareProcess();
  restoreLoginLimits(settings.openFilesSoft);
  {
    using pam = startTransaction(entry, new PamConversation({ notify: () => {} }).respond);
    if (entry.state !== "closed") attempt("the session", () => pam.closeSession());
    attempt("the credentials", () => pam.setCred("delete"));
  }
  deleteJournal(settings, lease);
}

/** A module that refuses to close has been told; asking again would close the others' sessions twice. */
function attempt(what: string, step: () => void): void {
  try {
    step();
  } catch (error) {
    console.error(`Cannot close ${what} after a worker's death: ${error}`);
  }
}
