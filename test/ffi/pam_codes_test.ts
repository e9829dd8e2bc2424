import assert from "node:assert/strict";
import { PamError, Transaction } from "../../ffi/pam.ts";
import { PamCode, pamCodeName } from "../../ffi/pam_codes.ts";
import { PolicyFolder } from "./policy_folder.ts";

/** pam_debug(8) returns any code by its name in the header, without PAM_ and in lower case. */
const debugNames: Record<string, string> = { PAM_AUTHTOK_RECOVERY_ERR: "authtok_recover_err" };
/** libpam never passes these on to the application. */
const kept = new Set(["PAM_SUCCESS", "PAM_IGNORE", "PAM_CONV_AGAIN", "PAM_INCOMPLETE"]);

for (let code = 0; code < 32; code++) {
  const codeName = pamCodeName(code);
  if (kept.has(codeName)) continue;
  Deno.test(`pamCodeName() calls ${code} what pam_debug does: ${codeName}`, () => {
    using policies = new PolicyFolder();
    const debugName = debugNames[codeName] ?? codeName.replace("PAM_", "").toLowerCase();
    const serviceName = policies.service(`account [default=die] pam_debug.so acct=${debugName}`);
    using transaction = Transaction.start({
      serviceName,
      login: "guest",
      confdir: policies.path,
      conversation: () => [],
    });
    assert.throws(
      () => transaction.acctMgmt(),
      (error: PamError) => error.code === code && error.codeName === codeName,
    );
  });
}

Deno.test("pamCodeName() has a word for a code Linux-PAM does not define", () => {
  assert.equal(pamCodeName(99), "PAM code 99");
  assert.equal(pamCodeName(-1), "PAM code -1");
});

Deno.test("PamCode agrees with pamCodeName()", () => {
  assert.deepEqual(Object.values(PamCode).map(pamCodeName), [
    "PAM_SUCCESS",
    "PAM_BUF_ERR",
    "PAM_ABORT",
    "PAM_CONV_ERR",
  ]);
});
