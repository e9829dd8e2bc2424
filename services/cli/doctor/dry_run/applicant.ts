/** Who would ask for a login, by the configuration's users and roles. */

import type { Config } from "../../../../shared/config/schema.ts";
import type { LeaseOpen } from "../../../../shared/protocol/lease.ts";
import { coversLogin } from "../../../../shared/protocol/pattern.ts";

/**
 * The first user whose roles allow `login`; else somebody of that name without roles, for whom the gateway would not
 * even ask.
 */
export function likelyApplicant(
  { users, roles }: Pick<Config, "users" | "roles">,
  login: string,
): Pick<LeaseOpen, "user" | "roles" | "logins" | "traits" | "method" | "fingerprint"> {
  const loginsOf = (names: string[]) =>
    names.flatMap((name) => Object.hasOwn(roles, name) ? roles[name]!.logins : []);
  const user = users.find((user) => loginsOf(user.roles).some((entry) => coversLogin(entry, login)));
  return {
    user: user?.name ?? login,
    roles: user?.roles ?? [],
    logins: user ? [...new Set(loginsOf(user.roles))] : [login],
    traits: user?.traits ?? {},
    method: "publickey",
    fingerprint: "",
  };
}
