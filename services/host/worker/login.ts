/** From a verified request to an open PAM session and a resolved account, in PAM's order. */

import type { Limit } from "../../../ffi/limits.ts";
import type { PamCalls } from "../../../ffi/pam.ts";
import { getGroups, setGroups } from "../../../ffi/privileges.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import type { Log } from "./accounts/bench.ts";
import { NativeAccount } from "./accounts/native_account.ts";
import { agreedLogin, allowedIdentity, requireOpenHere } from "./agreed_login.ts";
import {
  checkAccount,
  conversationFor,
  needsPam,
  requireProven,
  requireSystemLoginAllowed,
} from "./authenticate.ts";
import { type Listener, PamConversation } from "./conversation.ts";
import { connectionText } from "./environment.ts";
import type { Identity } from "./identity.ts";
import { deleteJournal, type JournalState, type PamItems, writeJournal } from "./journal.ts";
import { openPamSession } from "./open_session.ts";
import { expandEnvironment, type Warn } from "./pam_environment.ts";
import { requirePamService } from "./pam_service.ts";
import { setVariables, type StartPam, startTransaction } from "./pam_session.ts";
import { asRefusal } from "./refusal.ts";

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
 *   `login-closed`, `account-not-made`, `account-refused`, `account-missing`, `session-refused` or `pam-broken`; all is undone then
 */
export function logIn(
  open: LeaseOpen,
  settings: HostSettings,
  reports: LoginReports,
  start: StartPam = startTransaction,
): Login {
  requireOpenHere(settings, open.login);
  requireProven(open, settings.pam);
  return settings.pam.enabled
    ? logInWithPam(open, settings, reports, start)
    : logInWithoutPam(open, settings, reports);
}

/**
 * Whether `open.login` would be let in now; nothing is opened.
 *
 * @throws {ProblemError} As {@link logIn}, as far as it goes
 */
export function admit(open: LeaseOpen, settings: HostSettings, reports: LoginReports): Identity {
  requireOpenHere(settings, open.login);
  requireProven(open, settings.pam);
  if (!settings.pam.enabled) return allowedIdentity(open, settings, open.login);
  requirePamService(settings.pam);
  const conversation = new PamConversation(reports);
  try {
    using pam = startTransaction(pamItems(open, settings, reports), conversation.respond);
    if (needsPam(open, settings.pam)) pam.authenticate();
    // The account is there, as long as what is taken up.
    return admittedAs(pam, open, settings, () => {}).identity;
  } catch (error) {
    throw asRefusal(error, conversation.said);
  }
}

function logInWithoutPam(open: LeaseOpen, settings: HostSettings, reports: LoginReports): Login {
  using undo = new DisposableStack();
  undo.use(new NativeAccount(settings, reports.log)).ensure(open.login);
  const identity = allowedIdentity(open, settings, open.login);
  setGroups(identity.groups);
  writeJournal(settings, open.lease, "without-pam", pamItems(open, settings, reports));
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
  const asked = pamItems(open, settings, reports);
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
    const warn = (text: string) => reports.log("warning", text);
    const answering = conversationFor(open, settings.pam, { respond: conversation.respond, warn });
    const pam = start(items, answering);
    undoBy("pam_end", () => pam[Symbol.dispose]());

    const isAuthenticated = needsPam(open, settings.pam);
    if (isAuthenticated) pam.authenticate();
    const { login, identity } = admittedAs(
      pam,
      open,
      settings,
      (login) => account.ensure(login),
    );
    items = { ...asked, login };
    setVariables(pam, items);
    if (login !== asked.login) note("starting");
    const { groups, limits } = openPamSession(pam, { identity, isAuthenticated, note, undoBy });

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

/** Makes the account if that is ours to do, asks the account stack, and only then looks up who that is. */
function admittedAs(
  pam: PamCalls,
  open: LeaseOpen,
  settings: HostSettings,
  ensureAccount: (login: string) => void,
): { login: string; identity: Identity } {
  const agreed = () => {
    const login = agreedLogin(open, pam.getItem("user"));
    requireOpenHere(settings, login);
    return login;
  };
  ensureAccount(agreed());
  checkAccount(pam);
  const login = agreed();
  const identity = allowedIdentity(open, settings, login);
  requireSystemLoginAllowed(open, identity, settings.pam);
  return { login, identity };
}

function pamItems(open: LeaseOpen, settings: HostSettings, reports: LoginReports): PamItems {
  const warn: Warn = (message, properties) => reports.log("warning", message, properties);
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
