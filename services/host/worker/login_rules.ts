/** Which logins this host takes, as they are in force now: SIGHUP of the host writes them anew, for logins from then on. */

import type { HostSettings, LoginRules } from "../../../shared/config/host_settings.ts";

/** In the run directory, which only root can write to. */
export const loginRulesFile = "logins.json";

export function rulesInForce(settings: Pick<HostSettings, "runDirectory" | keyof LoginRules>): LoginRules {
  try {
    return JSON.parse(Deno.readTextFileSync(`${settings.runDirectory}/${loginRulesFile}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return settings;
    throw error;
  }
}
