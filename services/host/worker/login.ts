/** From a verified request to an open PAM session and a resolved account, in PAM's order. */

import type { Limit } from "../../../ffi/limits.ts";
import { type PamCalls, PamError } from "../../../ffi/pam.ts";
import { getGroups, setGroups } from "../../../ffi/privileges.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { isLogin } from "../../../shared/protocol/names.ts";
import { coversLogin } from "../../../shared/protocol/pattern.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import type { Log } from "./accounts/bench.ts";
import { NativeAccount } from "./accounts/native_account.ts";
import { checkAccount, needsPam, requireProven, requireSystemLoginAllowed } from "./authenticate.ts";
import { type Listener, PamConversation } from "./conversation.ts";
import { connectionText } from "./environment.ts";
import { type Identity, resolveIdentity } from "./identity.ts";
import { deleteJournal, type JournalState, type PamItems, writeJournal } from "./journal.ts";
import { expandEnvironment, type Warn } from "./pam_environment.ts";
import { requirePamService } from "./pam_service.ts";
import { setVariables, type StartPam, startTransaction } from "./pam_session.ts";
import { reclaimProcess } from "./prepare.ts";
import { asRefusal } from "./refusal.ts";
import { keepingOwnLimits, type SessionLimits } from "./session_limits.ts";

/** An account that is logged in. Disposing closes the PAM session, its credentials, the transaction, the journal. */
export interface Login extends Disposable {
  identity: Identity;
  /** Supplementary groups after pam_setcred, which pam_group may have added to. */
  groups: number[];
  /** `NAME=value` as the modules left them. */
  pamEnvironment: string[];
  /** What each process of the session has to be limited to by itself. */
  limits: Limit[];
}

export interface LoginReports extends Listener {
  log: Log;
  /** A step of closing failed; the others are still taken. */
  onCloseFailure(step: string, error: unknown): void;
}

/**
 * Logs `open.login` in.
 *
 * @throws {ProblemError} `authentication-failed`, `authentication-unavailable`, `password-expired`, `access-denied`,
 *   `account-not-made`, `account-refused`, `account-missing`, `session-refused` or `pam-broken`; all is undone then
 */
export function logIn(
  open: LeaseOpen,
  settings: HostSettings,
  reports: LoginReports,
  start: StartPam = startTransaction,
): Login {
  requireProven(open, settings.pam);
  return settings.pam.enabled
    ? logInWithPam(open, settings, reports, start)
    : logInWithoutPam(open, settings, reports);
}

function logInWithoutPam(open: LeaseOpen, settings: HostSettings, reports: LoginReports): Login {
  using undo = new DisposableStack();
  undo.use(new NativeAccount(settings, reports.log)).ensure(open.login);
  const identity = allowedIdentity(open, open.login);
  setGroups(identity.groups);
  writeJournal(
    settings,
    open.lease,
    "without-pam",
    pamItems(open, settings, (message, properties) => reports.log("warning", message, properties)),
  );
  undo.defer(() => deleteJournal(settings, open.lease));
  const closing = undo.move();
  return {
    identity,
    groups: getGroups(),
    pamEnvironment: [],
    limits: [],
    [Symbol.dispose]: () => closing.dispose(),
  };
}

function logInWithPam(
  open: LeaseOpen,
  settings: HostSettings,
  reports: LoginReports,
  start: StartPam,
): Login {
  requirePamService(settings.pam);
  const asked = pamItems(
    open,
    settings,
    (message, properties) => reports.log("warning", message, properties),
  );
  const conversation = new PamConversation(reports);
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
    // First, so that it is let go last: PAM closes while the account is still there.
    const account = undo.use(new NativeAccount(settings, reports.log));
    undoBy("journal", () => deleteJournal(settings, open.lease));
    let items = asked;
    const note = (state: JournalState) => writeJournal(settings, open.lease, state, items);
    note("starting");
    const pam = start(items, conversation.respond);
    undoBy("pam_end", () => pam[Symbol.dispose]());

    const isAuthenticating = needsPam(open, settings.pam);
    if (isAuthenticating) pam.authenticate();
    account.ensure(agreedLogin(open, pam.getItem("user")));
    checkAccount(pam);
    const login = agreedLogin(open, pam.getItem("user"));
    const identity = allowedIdentity(open, login);
    requireSystemLoginAllowed(open, identity, settings.pam);
    items = { ...asked, login };
    setVariables(pam, items);
    setGroups(identity.groups);
    if (login !== asked.login) note("starting");
    if (establishCredentials(pam, isAuthenticating)) undoBy("pam_setcred", () => pam.setCred("delete"));
    const groups = getGroups();

    const { limits, problem } = openSession(pam, note);
    undoBy("pam_close_session", () => closeSession(pam, note));
    if (problem) throw problem;
    note("opened");

    conversation.release();
    const closing = undo.move();
    return {
      identity,
      groups,
      pamEnvironment: pam.environment(),
      limits,
      [Symbol.dispose]: () => closing.dispose(),
    };
  } catch (error) {
    throw asRefusal(error, conversation.said);
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

/**
 * Who `login` is. A name service may have another spelling for it, and another name for root: neither gets in by a
 * pattern that was not meant for it.
 */
function allowedIdentity({ logins }: LeaseOpen, login: string): Identity {
  const identity = resolveIdentity(login);
  const isExact = logins.includes(identity.login);
  const isCovered = identity.login === login || logins.some((entry) => coversLogin(entry, identity.login));
  if (isExact || (isCovered && identity.uid !== 0)) return identity;
  throw new ProblemError("access-denied", undefined, {
    cause: new Error(
      `'${login}' is '${identity.login}' with the uid ${identity.uid} here, which no role names`,
    ),
  });
}

function pamItems(open: LeaseOpen, settings: HostSettings, warn: Warn): PamItems {
  return {
    login: open.login,
    service: settings.pam.serviceName,
    confdir: settings.pam.confdir,
    tty: "ssh", // as sshd: there is no terminal yet, and some modules insist on one
    rhost: open.client.address,
    connection: connectionText(open.client),
    user: open.user,
    roles: open.roles,
    environment: expandEnvironment(settings.pam.environment, open, warn),
  };
}

/**
 * A module may rename the applicant (PAM_USER). What they may have was decided for their roles, not for the name they
 * gave, so the new login has to be one of those the roles allow.
 */
function agreedLogin(open: LeaseOpen, actual: string | null): string {
  if (actual === open.login) return actual;
  const isAllowed = actual !== null && isLogin(actual) &&
    open.logins.some((entry) => coversLogin(entry, actual));
  if (isAllowed) return actual;
  throw new ProblemError("access-denied", undefined, {
    cause: new Error(
      `A PAM module changed the login from '${open.login}' to '${actual}', which no role allows`,
    ),
  });
}
