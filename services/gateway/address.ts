/** What the login name of an SSH client says: which account, on which host. */

import { maxSessionId } from "../../shared/protocol/limits.ts";
import { isLogin, isName } from "../../shared/protocol/names.ts";

/** The account asked for and the host that shall open it. */
export interface Target {
  login: string;
  host: string;
  /** The session of before to take up: its id, or 0 for the one there is. A new one unless given. */
  session?: number;
}

/** For somebody who asked for neither. */
export const whatTargetsAre =
  "No account can have this login: write LOGIN, LOGIN+HOST or LOGIN+HOST+attach, the login with at most 32 letters, digits, _ . and -, and neither . nor - in front.";

/** Takes up a session: `attach`, or `attach=ID`. */
const attachPattern = /^attach(?:=([1-9][0-9]{0,9}))?$/;

/**
 * Reads `login`, `login+host`, `login+host+attach` or `login+host+attach=ID`.
 *
 * @param username The user name of an SSH authentication request
 * @param defaultHost The host of a bare login
 * @returns `null` when either part is not a name we would ever put into a subject or hand to PAM
 */
export function parseTarget(username: string, defaultHost: string): Target | null {
  const [login = "", host = defaultHost, word, ...more] = username.split("+");
  const attach = word === undefined ? null : attachPattern.exec(word);
  const isRead = more.length === 0 && (word === undefined || attach !== null);
  const session = Number(attach?.[1] ?? 0);
  if (!isRead || session > maxSessionId || !isLogin(login) || !isName(host)) return null;
  return attach ? { login, host, session } : { login, host };
}
