/** Who would ask for a login, and whether the gateway would pass it on: its own policy is asked. */

import type { ConfigFile } from "../../../../shared/config/load.ts";
import { roleSettings, waysIn } from "../../../../shared/config/settings.ts";
import { type PamAuth, plainGrant } from "../../../../shared/protocol/lease.ts";
import { AccessPolicy, type Applicant } from "../../../gateway/access.ts";
import type { Place } from "../../../gateway/roles.ts";
import { AuthMethods } from "../../../gateway/auth/methods.ts";

/** The one who is said to ask, and who else might. */
export interface Admission {
  applicant: Applicant;
  /** What the gateway would ask of PAM. */
  pamAuth: PamAuth;
  /** One sentence: who may have the login. */
  who: string;
}

/**
 * @param place Where it is asked for, and from
 * @returns `null` when the gateway lets nobody have `login`
 */
export function admissionTo(login: string, place: Place, { config, file }: ConfigFile): Admission | null {
  if (!config.gateway) {
    return {
      applicant: {
        user: login,
        roles: [],
        logins: [login],
        deniedLogins: [],
        grant: plainGrant,
        labels: place.host.labels,
        traits: {},
        method: "publickey",
        fingerprint: "",
      },
      pamAuth: "host-decides",
      who: `${file} has no gateway section: whether a role allows ${login} only the gateway's can tell.`,
    };
  }
  const ways = waysIn(config, config.gateway.AuthenticationMethods);
  const policy = new AccessPolicy(config.users, roleSettings(config.roles), config.pam_logins);
  const holders = ways.some(([first]) => first === "publickey") ? policy.keyHolders(login, place) : [];
  const [alone] = ways.find(([first, ...more]) => first !== "publickey" && more.length === 0) ?? [];
  const byPam = alone === undefined ? null : policy.byPam(login, alone, place);
  const applicant = holders[0] ?? byPam;
  if (!applicant) return null;
  const all = [
    ...holders.map(({ user, roles }) => `${user} by key (${rolesText(roles)})`),
    ...(byPam ? [`whoever PAM knows by that name (${rolesText(byPam.roles)})`] : []),
  ];
  return {
    applicant,
    pamAuth: new AuthMethods(ways).pamAuth(applicant.method),
    who: `${login} may be had by ${all.join(", ")}.`,
  };
}

function rolesText(roles: string[]): string {
  return `${roles.length === 1 ? "role" : "roles"} ${roles.join(", ")}`;
}

/** What a person reads about a login that nobody may have. */
export function nobodyMayHave(login: string): string {
  return [
    `Nobody may have the login ${login}: no role of a user allows it, and no role that pam_logins gives to it.`,
    "Put it under logins of a role, and give somebody that role.",
    "",
    `${login} would be refused by the gateway. No host was asked.`,
  ].join("\n");
}
