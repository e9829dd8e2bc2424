/** What the user name of an SSH client says: which account on which host, or which command of the gateway itself. */

import type { Labels } from "../../shared/protocol/lease.ts";
import { maxLabels, maxSessionId } from "../../shared/protocol/limits.ts";
import { isLabelName, isLabelValue, isLogin, isName } from "../../shared/protocol/names.ts";

/** The account asked for and the host that shall open it. */
export interface Target {
  login: string;
  host: string;
  /** The session of before to take up: its id, or 0 for the one there is. A new one unless given. */
  session?: number;
}

export type Address =
  | { to: "account"; target: Target }
  /** On the host that has all these labels. */
  | { to: "labelled"; target: Omit<Target, "host">; labels: Labels }
  /** `+word`: no host, no account. */
  | { to: "command"; command: string }
  /** The outer connection of `ssh -J`: hosts are asked for later, inside it. */
  | { to: "hosts" };

/** For somebody who asked for nothing of the kind. */
export const whatAddressesAre =
  "No account can have this login: write LOGIN, LOGIN+HOST, LOGIN+LABEL=VALUE or LOGIN+HOST+attach, the login with at most 32 letters, digits, _ . and -, and neither . nor - in front.";

/** Takes up a session: `attach`, or `attach=ID`. */
const attachPattern = /^attach(?:=([1-9][0-9]{0,9}))?$/;
/** The user name of a connection that is only to jump, where a bare login means a host. */
export const jumpLogin = "+jump";
const commandPattern = /^\+([a-z][a-z-]{0,31})$/;

/**
 * Reads `login`, `login+host`, `login+label=value,label=value`, these two with `+attach` or `+attach=ID`, or `+command`.
 *
 * @param username The user name of an SSH authentication request
 * @param defaultHost The host of a bare login; with `null` such a connection is only to jump
 * @returns `null` when a part is not a name we would ever put into a subject or hand to PAM
 */
export function parseAddress(username: string, defaultHost: string | null): Address | null {
  if (username === jumpLogin) return { to: "hosts" };
  const command = commandPattern.exec(username)?.[1];
  if (command !== undefined) return { to: "command", command };
  const [login = "", where = defaultHost, word, ...more] = username.split("+");
  const attach = word === undefined ? null : attachPattern.exec(word);
  const isRead = more.length === 0 && (word === undefined || attach !== null);
  const session = Number(attach?.[1] ?? 0);
  if (!isRead || session > maxSessionId || !isLogin(login)) return null;
  if (where === null) return { to: "hosts" };
  const target = attach ? { login, session } : { login };
  if (isName(where)) return { to: "account", target: { ...target, host: where } };
  const labels = parseLabels(where);
  return labels && { to: "labelled", target, labels };
}

/** `env=prod,role=web`; no label twice. */
function parseLabels(text: string): Labels | null {
  const pairs = text.split(",").map((pair) => pair.split("="));
  const areLabels = pairs.every(([name = "", value = "", ...more]) =>
    isLabelName(name) && isLabelValue(value) && more.length === 0
  );
  const labels: Labels = Object.assign(Object.create(null), Object.fromEntries(pairs));
  return areLabels && pairs.length <= maxLabels && Object.keys(labels).length === pairs.length
    ? labels
    : null;
}
