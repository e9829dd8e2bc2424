/** Roles for tests: what is not given allows nothing more and limits nothing. */

import type { Place, Role } from "../../../services/gateway/roles.ts";

export type RoleText = Partial<Omit<Role, "deny">> & { deny?: Partial<Role["deny"]> };

export function role({ deny, ...given }: RoleText): Role {
  return {
    logins: [],
    hostLabels: {},
    sourceAddresses: [],
    deny: { logins: [], hostLabels: {}, commands: [], ...deny },
    commands: [],
    maxSessions: 0,
    clientIdleTimeout: 0,
    maxSessionTtl: 0,
    forwarding: [],
    record: "off",
    ...given,
  };
}

/** A host without labels, asked for from this machine. */
export const anywhere: Place = { host: { labels: {} }, source: "127.0.0.1" };

export function at(labels: Record<string, string>, source = "127.0.0.1"): Place {
  return { host: { labels }, source };
}
