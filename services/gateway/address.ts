/** What the login name of an SSH client says: which account, on which host. */

import { isLogin, isName } from "../../shared/protocol/names.ts";

/** The account asked for and the host that shall open it. */
export interface Target {
  login: string;
  host: string;
}

/** For somebody who asked for neither. */
export const whatTargetsAre =
  "No account can have this login: write LOGIN or LOGIN+HOST, the login with at most 32 letters, digits, _ . and -, and neither . nor - in front.";

/**
 * Reads `login` or `login+host`.
 *
 * @param username The user name of an SSH authentication request
 * @param defaultHost The host of a bare login
 * @returns `null` when either part is not a name we would ever put into a subject or hand to PAM
 */
export function parseTarget(username: string, defaultHost: string): Target | null {
  const plus = username.indexOf("+");
  const login = plus < 0 ? username : username.slice(0, plus);
  const host = plus < 0 ? defaultHost : username.slice(plus + 1);
  return isLogin(login) && isName(host) ? { login, host } : null;
}
