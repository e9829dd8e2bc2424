/** Whether accounts of our own making could be made: programs, ledger, rules for sudo. */

import type { AccountSettings } from "../../../shared/config/host_settings.ts";
import { readLedger } from "../../host/worker/accounts/ledger.ts";
import { missingAccountPrograms } from "../account_programs.ts";
import { sentenceOf } from "../failure.ts";
import type { Finding } from "./finding.ts";
import { ownershipFindings } from "./ownership.ts";
import { wrongRules } from "./sudo_rules.ts";

/** @param placeOf `file:line:column` of a key below host.accounts */
export function accountFindings(accounts: AccountSettings, placeOf: (path: Key[]) => string): Finding[] {
  if (accounts.mode === "off") return [];
  const missing = missingAccountPrograms(accounts);
  return [
    ...missing.map((finding) => ({ severity: "error", where: placeOf([]), ...finding }) as const),
    ...ownershipFindings(accounts.ledgerFile),
    ...ledgerFindings(accounts.ledgerFile),
    ...sudoersFindings(accounts, placeOf),
  ];
}

type Key = string | number;

function ledgerFindings(file: string): Finding[] {
  try {
    readLedger(file);
    return [];
  } catch (cause) {
    return [{
      severity: "error",
      where: file,
      what: "The ledger of accounts cannot be used, so that no account is made or removed",
      remedy: sentenceOf(cause),
    }];
  }
}

/** Rules that sudo does not understand: every login that needs an account made would be refused for them. */
export function sudoersFindings(
  { mode, sudoers }: Pick<AccountSettings, "mode" | "sudoers">,
  placeOf: (path: Key[]) => string,
): Finding[] {
  if (mode === "off") return [];
  return wrongRules(sudoers).map(({ index, reason }) => ({
    severity: "error",
    where: placeOf(["sudoers", index]),
    what: `host.accounts.sudoers[${index}] is not understood by sudo (${reason}), so no account can be made`,
    remedy: "write what follows the user in a line of sudoers, such as ALL=(ALL) NOPASSWD: ALL",
  }));
}
