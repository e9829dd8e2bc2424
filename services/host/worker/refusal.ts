/** What a failed PAM call means for the person and for the operator. */

import { LibraryMissing } from "../../../ffi/library.ts";
import { PamError, PamFunctionMissing } from "../../../ffi/pam.ts";
import { type Problem, ProblemError } from "../../../shared/protocol/problems.ts";

/** Codes of <security/_pam_types.h> that say the stack itself is broken, whichever call met them. */
const brokenCodes = new Set([
  "PAM_OPEN_ERR",
  "PAM_SYMBOL_ERR",
  "PAM_SERVICE_ERR",
  "PAM_BUF_ERR",
  "PAM_ABORT",
  "PAM_MODULE_UNKNOWN",
  "PAM_BAD_ITEM",
]);

/** The problem code of `error`. */
export function problemOf(error: PamError): Problem {
  if (brokenCodes.has(error.codeName)) return "pam-broken";
  switch (error.call) {
    case "pam_authenticate":
      return "authentication-failed";
    case "pam_chauthtok":
      return "password-expired";
    case "pam_acct_mgmt":
      return "account-refused";
    case "pam_setcred":
    case "pam_open_session":
      return "session-refused";
    default:
      return "pam-broken";
  }
}

/**
 * A PamError as a problem: the person reads what the modules said, or libpam's sentence; the cause names call and
 * code. Any other error passes through.
 */
export function asRefusal(error: unknown, said: string): unknown {
  if (error instanceof LibraryMissing || error instanceof PamFunctionMissing) {
    return new ProblemError("pam-broken", undefined, { cause: error });
  }
  if (!(error instanceof PamError)) return error;
  const cause = new Error(`${error.call} failed with ${error.codeName}`, { cause: error });
  const problem = problemOf(error);
  // libpam's text for it tells a wrong password from an account that does not exist.
  const text = problem === "authentication-failed" ? undefined : error.message;
  return new ProblemError(problem, said || text, { cause });
}
