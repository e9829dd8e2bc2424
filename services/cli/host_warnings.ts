/** What a host says when it starts although something in its configuration will keep people out. */

import type { HostSettings } from "../../shared/config/host_settings.ts";
import type { ConfigFile } from "../../shared/config/load.ts";
import { findServiceFile } from "../../shared/config/service_file.ts";
import { sudoersFindings } from "./doctor/accounts.ts";
import type { Finding } from "./doctor/finding.ts";
import { authFindings } from "./doctor/read_stack.ts";
import { wayInFindings } from "./doctor/ways_in.ts";

/** The doctor's findings that show in the configuration alone, and else only when somebody is refused. */
export function hostWarnings(source: ConfigFile, { pam, accounts }: HostSettings): Finding[] {
  const service = pam.enabled && pam.usePamAuth ? findServiceFile(pam.serviceName, pam.confdir) : null;
  return [
    ...(service === null ? [] : authFindings(service)),
    ...sudoersFindings(accounts, (path) => source.placeOf(["host", "accounts", ...path])),
    ...wayInFindings(source, pam.usePamAuth),
  ];
}
