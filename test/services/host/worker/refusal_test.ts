import assert from "node:assert/strict";
import { LibraryMissing } from "../../../../ffi/library.ts";
import { PamError } from "../../../../ffi/pam.ts";
import { describeCause } from "../../../../services/host/worker/cause.ts";
import { asRefusal } from "../../../../services/host/worker/refusal.ts";
import { type Problem, ProblemError } from "../../../../shared/protocol/problems.ts";

/** Call, code of <security/_pam_types.h>, what it means. */
const table: [call: string, code: number, problem: Problem][] = [
  ["pam_start", 26, "pam-broken"],
  ["pam_start_confdir", 4, "pam-broken"],
  ["pam_authenticate", 7, "authentication-failed"],
  ["pam_authenticate", 10, "authentication-failed"],
  ["pam_authenticate", 28, "pam-broken"],
  ["pam_chauthtok", 20, "password-expired"],
  ["pam_acct_mgmt", 6, "account-refused"],
  ["pam_acct_mgmt", 10, "account-refused"],
  ["pam_acct_mgmt", 12, "account-refused"],
  ["pam_acct_mgmt", 28, "pam-broken"],
  ["pam_setcred", 17, "session-refused"],
  ["pam_open_session", 14, "session-refused"],
  ["pam_open_session", 26, "pam-broken"],
];

Deno.test("asRefusal() gives each failed call its problem, and names call and code for the operator", () => {
  for (const [call, code, problem] of table) {
    const refusal = asRefusal(new PamError(call, code, "Permission denied"), "");
    assert.ok(refusal instanceof ProblemError);
    assert.equal(refusal.problem, problem, `${call} ${code}`);
    assert.match(describeCause(refusal), new RegExp(`^${call} failed with PAM_\\w+: Permission denied$`));
  }
});

Deno.test("asRefusal() shows the person what the modules said, or libpam's text when they said nothing", () => {
  const error = new PamError("pam_acct_mgmt", 6, "Permission denied");
  assert.equal((asRefusal(error, "Not on Sundays") as ProblemError).detail, "Not on Sundays");
  assert.equal((asRefusal(error, "") as ProblemError).detail, "Permission denied");
  const unknown = new PamError(
    "pam_authenticate",
    10,
    "User not known to the underlying authentication module",
  );
  assert.equal(
    (asRefusal(unknown, "") as ProblemError).detail,
    undefined,
    "nobody learns which logins there are",
  );
});

Deno.test("asRefusal() calls a missing libpam broken, and passes other errors through", () => {
  assert.equal((asRefusal(new LibraryMissing("libpam.so.0"), "") as ProblemError).problem, "pam-broken");
  const other = new Error("other");
  assert.equal(asRefusal(other, ""), other);
});
