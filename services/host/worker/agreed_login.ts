/** Whose login it has become after PAM, and whether the roles of whoever asked allow that one. */

import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { isLogin } from "../../../shared/protocol/names.ts";
import { coversLogin } from "../../../shared/protocol/pattern.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import { type Identity, resolveIdentity } from "./identity.ts";

/**
 * A module may rename the applicant (PAM_USER). What they may have was decided for their roles, not for the name they
 * gave, so the new login has to be one of those the roles allow.
 *
 * @throws {ProblemError} `access-denied`
 */
export function agreedLogin(open: LeaseOpen, actual: string | null): string {
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

/**
 * Who `login` is. A name service may have another spelling for it, and another name for root: neither gets in by a
 * pattern that was not meant for it.
 *
 * @throws {ProblemError} `account-missing` or `access-denied`
 */
export function allowedIdentity({ logins }: LeaseOpen, login: string): Identity {
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
