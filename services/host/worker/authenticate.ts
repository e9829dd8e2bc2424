/** Whether PAM has to prove who is there, and having it done. The host has the last word on both. */

import { type PamCalls, PamError } from "../../../ffi/pam.ts";
import type { PamSettings } from "../../../shared/config/host_settings.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import type { Identity } from "./identity.ts";

type Asked = Pick<LeaseOpen, "login" | "pamAuth">;

/** useradd(8) gives people ids from here on (UID_MIN in login.defs(5)). */
const firstPersonalUid = 1_000;

/**
 * Refuses before anything runs when nobody would have proven anything.
 *
 * @throws {ProblemError} `authentication-unavailable`
 */
export function requireProven({ pamAuth }: Asked, pam: PamSettings): void {
  if (pamAuth === "host-decides" || (pam.enabled && pam.usePamAuth)) return;
  throw new ProblemError("authentication-unavailable", undefined, {
    cause: new Error("The gateway asks for authentication by PAM, which ssh_service.pam does not allow here"),
  });
}

/** Whether the auth stack is asked in this login. */
export function needsPam({ pamAuth }: Asked, { usePamAuth, requirePamAuth }: PamSettings): boolean {
  return usePamAuth && (requirePamAuth || pamAuth !== "host-decides");
}

/**
 * Asks the account stack, and has an expired password changed.
 *
 * @throws {PamError}
 */
export function checkAccount(pam: PamCalls): void {
  try {
    pam.acctMgmt();
  } catch (error) {
    if (!(error instanceof PamError && error.codeName === "PAM_NEW_AUTHTOK_REQD")) throw error;
    pam.changeExpiredAuthTok();
  }
}

/**
 * Accounts of the system are for those who hold a key, unless the configuration names them.
 *
 * @throws {ProblemError} `access-denied`
 */
export function requireSystemLoginAllowed(
  { pamAuth }: Asked,
  { login, uid }: Pick<Identity, "login" | "uid">,
  { systemLogins }: PamSettings,
): void {
  if (pamAuth !== "alone" || uid >= firstPersonalUid || systemLogins.includes(login)) return;
  throw new ProblemError("access-denied", undefined, {
    cause: new Error(
      `'${login}' has the uid ${uid}; host.pam_system_logins must name it to admit it by PAM alone`,
    ),
  });
}
