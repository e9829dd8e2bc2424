/** Whether the programs that `host.accounts` works with are installed. */

import type { AccountSettings } from "../../shared/config/host_settings.ts";
import { ConfigError } from "../../shared/config/mistakes.ts";
import { findProgram } from "../host/worker/accounts/program.ts";

interface Missing {
  /** One sentence: what is wrong. */
  what: string;
  /** One sentence: what to do. */
  remedy: string;
}

const shadowPrograms = ["useradd", "userdel", "groupadd", "groupdel", "gpasswd"];

/** What is missing; empty when all is there, or nothing is needed. */
export function missingAccountPrograms(
  { mode, sudoers }: Pick<AccountSettings, "mode" | "sudoers">,
): Missing[] {
  if (mode === "off") return [];
  const missing: Missing[] = [];
  const absent = shadowPrograms.filter((name) => findProgram(name) === null);
  if (absent.length > 0) {
    missing.push({
      what: `host.accounts.mode must be off where ${absent.join(", ")} are not installed, not "${mode}"`,
      remedy: "install them: apt-get install passwd, or dnf install shadow-utils",
    });
  }
  if (sudoers.length > 0 && findProgram("visudo") === null) {
    missing.push({
      what: "host.accounts.sudoers must be empty where sudo is not installed: there is no visudo to check it",
      remedy: "install it: apt-get install sudo, or dnf install sudo; or leave the key out",
    });
  }
  return missing;
}

/** @throws {ConfigError} */
export function requireAccountPrograms(accounts: AccountSettings): void {
  const missing = missingAccountPrograms(accounts);
  if (missing.length > 0) throw new ConfigError(missing.map(({ what, remedy }) => `${what}; ${remedy}`));
}
