/** Closes the PAM session and the login records of a worker that died, from its journal entry, and then forgets the entry. */

import { PamError } from "../../../ffi/pam.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { type Log, openLineLog } from "../../../shared/log_record.ts";
import { describeCause } from "./cause.ts";
import { PamConversation } from "./conversation.ts";
import { within } from "./deadline.ts";
import { removeStepFolder } from "./dry_run/step_folder.ts";
import { deleteJournal, type JournalEntry, readJournal } from "./journal.ts";
import { LoginRecords } from "./login_records.ts";
import { startTransaction } from "./pam_session.ts";
import { prepareProcess, restoreLoginLimits } from "./prepare.ts";

/**
 * Does nothing when there is no entry. The caller has made sure that the worker is gone.
 *
 * @throws {PamError} If no transaction can be started; the entry stays for the next attempt then
 */
export function closeAbandonedLease(settings: HostSettings, lease: string): void {
  removeStepFolder(settings, lease);
  let entry;
  try {
    entry = readJournal(settings, lease);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const log = openLineLog("janitor", settings);
  prepareProcess();
  restoreLoginLimits(settings.openFilesSoft);
  const logOf: Log = (level, message, properties) => log(level, message, { lease, ...properties });
  LoginRecords.leftBy(
    entry.pid,
    entry.rhost,
    (file, error) =>
      logOf("warning", "Cannot record a login in {file}: {cause}", { file, cause: describeCause(error) }),
  )
    .logOutAll();
  if (entry.state !== "without-pam") within(settings.closeTimeoutMs, () => closePam(entry, logOf));
  deleteJournal(settings, lease);
}

/** A module that refuses to close has been told; asking again would close the others' sessions twice. */
function closePam(entry: JournalEntry, log: Log): void {
  using pam = startTransaction(entry, new PamConversation({ notify: () => {} }).respond);
  const { login } = entry;
  if (entry.state === "opening" || entry.state === "opened") {
    try {
      pam.closeSession();
    } catch (error) {
      log("warning", "Cannot close the PAM session of {login} after its worker's death: {cause}", {
        login,
        cause: describeCause(error),
      });
    }
  }
  try {
    pam.setCred("delete");
  } catch (error) {
    log(isWithoutAuth(error) ? "debug" : "warning", "Cannot delete the credentials of {login}: {cause}", {
      login,
      cause: describeCause(error),
    });
  }
}

/** What libpam says to a stack without auth lines, which has no credentials either. */
function isWithoutAuth(error: unknown): boolean {
  return error instanceof PamError && error.codeName === "PAM_PERM_DENIED";
}
