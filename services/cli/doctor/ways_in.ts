/** Ways in by PAM that this machine's host does not go along with. */

import type { ConfigFile } from "../../../shared/config/load.ts";
import type { Finding } from "./finding.ts";

/**
 * Warnings, not errors: other hosts of the same gateway may ask PAM.
 *
 * @param usePamAuth Whether the host's PAM is asked for authentication
 */
export function wayInFindings({ config, placeOf }: ConfigFile, usePamAuth: boolean): Finding[] {
  const { gateway, host, pam_logins } = config;
  if (!gateway || !host || usePamAuth) return [];
  const remedy = "set ssh_service.pam.use_pam_auth to yes, or take it out";
  const findings: Finding[] = [];
  if (Object.keys(pam_logins).length > 0) {
    findings.push({
      severity: "warning",
      where: placeOf(["pam_logins"]),
      what:
        `pam_logins is for those who prove themselves to PAM, and the host ${host.name} has use_pam_auth off, so it lets none of them in`,
      remedy,
    });
  }
  const refused = gateway.AuthenticationMethods.filter((list) => list.some((name) => name !== "publickey"));
  if (refused.length > 0) {
    const names = refused.map((list) => list.join(",")).join(" ");
    findings.push({
      severity: "warning",
      where: placeOf(["gateway", "AuthenticationMethods"]),
      what:
        `gateway.AuthenticationMethods names ${names}, which needs PAM, and the host ${host.name} has use_pam_auth off, so nobody gets in that way`,
      remedy,
    });
  }
  return findings;
}
