/** Who would ask for a login, by the configuration's users and roles. */

import type { Config } from "../../../../shared/config/schema.ts";
import { AccessPolicy, type Applicant } from "../../../gateway/access.ts";

/**
 * The first user whose roles allow `login`; else somebody of that name without roles, for whom the gateway would not
 * even ask.
 */
export function likelyApplicant(
  { users, roles }: Pick<Config, "users" | "roles">,
  login: string,
): Applicant {
  return new AccessPolicy(users, roles).likely(login) ??
    { user: login, roles: [], logins: [login], traits: {}, method: "publickey", fingerprint: "" };
}
