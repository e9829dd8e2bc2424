/** From a verified request to an open PAM session and a resolved account, in PAM's order. */

import { PamError, type Transaction } from "../../../ffi/pam.ts";
import { getGroups, setGroups } from "../../../ffi/privileges.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import { PamConversation } from "./conversation.ts";
import { type Identity, resolveIdentity } from "./identity.ts";
import { deleteJournal, type PamItems, writeJournal } from "./journal.ts";
import { requirePamService } from "./pam_service.ts";
import { startTransaction } from "./pam_session.ts";
import { asRefusal } from "./refusal.ts";

/** An account that is logged in. Disposing closes the PAM session, its credentials, the transaction, the journal. */
export interface Login extends Disposable {
  identity: Identity;
  /** Supplementary groups after pam_setcred, which pam_group may have added to. */
  groups: number[];
  /** `NAME=value` as the modules left them. */
  pamEnvironment: string[];
}

export interface LoginReports {
  /** A PAM message for the person. */
  onNotice(text: string): void;
  /** A step of closing failed; the others are still taken. */
  onCloseFailure(step: string, error: unknown): void;
}

/**
 * Logs `open.login` in.
 *
 * @throws {ProblemError} `account-refused`, `account-missing`, `session-refused` or `pam-broken`; all is undone then
 */
export function logIn(open: LeaseOpen, settings: HostSettings, reports: LoginReports): Login {
  return settings.pam.enabled ? logInWithPam(open, settings, reports) : logInWithoutPam(open);
}

function logInWithoutPam(open: LeaseOpen): Login {
  const identity = resolveIdentity(open.login);
  setGroups(identity.groups);
  return { identity, groups: getGroups(), pamEnvironment: [], [Symbol.dispose]() {} };
}

function logInWithPam(open: LeaseOpen, settings: HostSettings, reports: LoginReports): Login {
  requirePamService(settings.pam);
  const items = pamItems(open, settings);
  const conversation = new PamConversation(reports.onNotice);
  // Teardown mirrors set-up: each step that succeeds leaves the one that undoes it.
  using undo = new DisposableStack();
  const undoBy = (step: string, action: () => void) =>
    undo.defer(() => {
      try {
        action();
      } catch (error) {
        reports.onCloseFailure(step, error);
      }
    });
  try {
    undoBy("journal", () => deleteJournal(settings, open.lease));
    const pam = startTransaction(items, conversation.respond);
    undoBy("pam_end", () => pam[Symbol.dispose]());

    pam.acctMgmt();
    requireSameLogin(open.login, pam.getItem("user"));
    const identity = resolveIdentity(open.login);
    setGroups(identity.groups);
    if (establishCredentials(pam)) undoBy("pam_setcred", () => pam.setCred("delete"));
    const groups = getGroups();

    writeJournal(settings, open.lease, "opening", items);
    pam.openSession();
    undoBy("pam_close_session", () => {
      pam.closeSession();
      // From here on a janitor would close it twice.
      writeJournal(settings, open.lease, "closed", items);
    });
    writeJournal(settings, open.lease, "opened", items);

    const closing = undo.move();
    return {
      identity,
      groups,
      pamEnvironment: pam.environment(),
      [Symbol.dispose]: () => closing.dispose(),
    };
  } catch (error) {
    throw asRefusal(error, conversation.said);
  }
}

/**
 * As sshd: credentials are the auth stack's affair. Where PAM did not authenticate, a service may have no auth lines at
 * all (libpam then says "Permission denied"), and that is no reason to refuse.
 */
function establishCredentials(pam: Transaction): boolean {
  try {
    pam.setCred("establish");
    return true;
  } catch (error) {
    if (error instanceof PamError) return false;
    throw error;
  }
}

function pamItems(open: LeaseOpen, settings: HostSettings): PamItems {
  return {
    login: open.login,
    service: settings.pam.serviceName,
    confdir: settings.pam.confdir,
    tty: "ssh", // as sshd: there is no terminal yet, and some modules insist on one
    rhost: open.client.address,
    ruser: open.user,
    user: open.user,
    roles: open.roles,
  };
}

/** A module may rename the applicant. Policy was decided for the login that was asked for, so nothing else will do. */
function requireSameLogin(asked: string, actual: string | null): void {
  if (actual === asked) return;
  throw new ProblemError("account-refused", undefined, {
    cause: new Error(`A PAM module changed the login from '${asked}' to '${actual}'`),
  });
}
