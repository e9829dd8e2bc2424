/** From a resolved account to an open PAM session; each step that succeeds leaves the one that undoes it. */

import { type PamCalls, PamError } from "../../../ffi/pam.ts";
import type { Limit } from "../../../ffi/limits.ts";
import { getGroups, setGroups } from "../../../ffi/privileges.ts";
import type { Identity } from "./identity.ts";
import type { JournalState } from "./journal.ts";
import { reclaimProcess } from "./prepare.ts";
import { keepingOwnLimits, type SessionLimits } from "./session_limits.ts";

export interface OpenSessionOptions {
  identity: Identity;
  /** Whether the auth stack has run. */
  isAuthenticated: boolean;
  /** Writes the journal. */
  note: (state: JournalState) => void;
  /** Takes what is to be done at the end, the last first. */
  undoBy: (step: string, action: () => void) => void;
}

/**
 * Takes over groups, credentials and session.
 *
 * @returns The supplementary groups, which pam_group may have added to, and what each process has to be limited to
 * @throws {PamError}
 */
export function openPamSession(
  pam: PamCalls,
  { identity, isAuthenticated, note, undoBy }: OpenSessionOptions,
): { groups: number[]; limits: Limit[] } {
  setGroups(identity.groups);
  if (establishCredentials(pam, isAuthenticated)) undoBy("pam_setcred", () => pam.setCred("delete"));
  const groups = getGroups();

  const { limits, problem } = openSession(pam, note);
  undoBy("pam_close_session", () => closeSession(pam, note));
  if (problem) throw problem;
  note("opened");
  return { groups, limits };
}

/**
 * As sshd: credentials are the auth stack's affair. Where PAM did not authenticate, a service may have no auth lines at
 * all (libpam then says "Permission denied"), and that is no reason to refuse.
 *
 * @returns Whether there are credentials to delete
 */
function establishCredentials(pam: PamCalls, isAuthenticated: boolean): boolean {
  try {
    pam.setCred("establish");
    return true;
  } catch (error) {
    if (isAuthenticated || !(error instanceof PamError)) throw error;
    return false;
  }
}

/** A janitor that finds `opening` closes what may be half open; what was refused it must not. */
function openSession(pam: PamCalls, note: (state: JournalState) => void): SessionLimits {
  // The session's modules may wait for children; what the account's have left behind must not keep them from it.
  reclaimProcess();
  note("opening");
  try {
    return keepingOwnLimits(() => pam.openSession());
  } catch (error) {
    note("closed");
    throw error;
  }
}

/** Whatever the modules answer, they have been told: a janitor would close it twice. */
function closeSession(pam: PamCalls, note: (state: JournalState) => void): void {
  try {
    pam.closeSession();
  } finally {
    note("closed");
  }
}
