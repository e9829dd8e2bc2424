/** Whose login it has become after PAM, and whether the roles of whoever asked allow that one. */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { isLogin } from "../../../shared/protocol/names.ts";
import { coversLogin, matchesPattern } from "../../../shared/protocol/pattern.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import { type Identity, resolveIdentity } from "./identity.ts";
import { rulesInForce } from "./login_rules.ts";

/**
 * A module may rename the applicant (PAM_USER). What they may have was decided for their roles, not for the name they
 * gave, so the new login has to be one of those the roles allow.
 *
 * @throws {ProblemError} `access-denied`
 */
export function agreedLogin(open: LeaseOpen, actual: string | null): string {
  if (actual === open.login) return actual;
  const isAllowed = actual !== null && isLogin(actual) && mayHave(open, actual);
  if (isAllowed) return actual;
  throw new ProblemError("access-denied", undefined, {
    cause: new Error(
      `A PAM module changed the login from '${open.login}' to '${actual}', which no role allows`,
    ),
  });
}

/** Whether the roles allow a login other than the one that was asked for, which the gateway has decided. */
function mayHave({ logins, deniedLogins }: LeaseOpen, login: string): boolean {
  return logins.some((entry) => coversLogin(entry, login)) &&
    !deniedLogins.some((entry) => matchesPattern(entry, login));
}

/**
 * Refuses what this host lets nobody have, whatever a gateway says (`host.allow_logins`, `host.deny_logins`). Asked of the
 * login as it is at first, and as PAM and the name service have left it.
 *
 * @throws {ProblemError} `login-closed`
 */
export function requireOpenHere(settings: HostSettings, login: string): void {
  const { allowLogins, denyLogins } = rulesInForce(settings);
  const isOpen = allowLogins === null || allowLogins.some((entry) => coversLogin(entry, login));
  if (isOpen && !denyLogins.some((entry) => matchesPattern(entry, login))) return;
  throw new ProblemError("login-closed", undefined, {
    cause: new Error(`host.allow_logins and host.deny_logins keep '${login}' out`),
  });
}

/**
 * Who `login` is. A name service may have another spelling for it, and another name for root: neither gets in by a
 * pattern that was not meant for it.
 *
 * @throws {ProblemError} `account-missing`, `access-denied` or `login-closed`
 */
export function allowedIdentity(open: LeaseOpen, settings: HostSettings, login: string): Identity {
  const identity = resolveIdentity(login);
  requireOpenHere(settings, identity.login);
  const isExact = open.logins.includes(identity.login) && mayHave(open, identity.login);
  const isCovered = identity.login === login || mayHave(open, identity.login);
  if (isExact || (isCovered && identity.uid !== 0)) return identity;
  throw new ProblemError("access-denied", undefined, {
    cause: new Error(
      `'${login}' is '${identity.login}' with the uid ${identity.uid} here, which no role names`,
    ),
  });
}
