/** The exact environment of the account's processes; nothing of the worker's own is in it. */

import type { ClientAddress } from "../../../shared/protocol/lease.ts";
import { isAcceptedVariable } from "./accept_env.ts";
import type { Identity } from "./identity.ts";

export interface EnvironmentSources {
  identity: Pick<Identity, "uid" | "login" | "home" | "shell">;
  /** PATH of login.defs. */
  path: string;
  client: ClientAddress;
  /** Device and TERM of the channel's terminal. */
  terminal: { tty: string; term: string } | null;
  /** What the client asked for, and the patterns it may ask for. */
  requested: [name: string, value: string][];
  acceptEnv: string[];
  /** `NAME=value` as pam_getenvlist(3) gives them. */
  pam: string[];
}

/**
 * `NAME=value` strings, each name once. The account's defaults and facts of the session come first; the client may add
 * to them but not change them; PAM has the last word. LD_* and DYLD_* pass from nowhere.
 */
export function buildEnvironment(sources: EnvironmentSources): string[] {
  const variables = new Map([...accountVariables(sources), ...sessionVariables(sources)]);
  for (const [name, value] of sources.requested) {
    if (!variables.has(name) && isAcceptedVariable(name, sources.acceptEnv)) variables.set(name, value);
  }
  for (const text of sources.pam) {
    const equals = text.indexOf("=");
    if (equals > 0) variables.set(text.slice(0, equals), text.slice(equals + 1));
  }
  return [...variables].filter(([name]) => !steersTheLoader(name)).map(([name, value]) => `${name}=${value}`);
}

function accountVariables({ identity, path }: EnvironmentSources): [string, string][] {
  return [
    ["USER", identity.login],
    ["LOGNAME", identity.login],
    ["HOME", identity.home],
    ["PATH", path],
    ["MAIL", `/var/mail/${identity.login}`],
    ["SHELL", identity.shell],
  ];
}

/** As sshd(8), section ENVIRONMENT, gives them. */
function sessionVariables({ client, terminal }: EnvironmentSources): [string, string][] {
  const { address, port, serverAddress, serverPort } = client;
  const connection: [string, string][] = [
    ["SSH_CLIENT", `${address} ${port} ${serverPort}`],
    ["SSH_CONNECTION", `${address} ${port} ${serverAddress} ${serverPort}`],
  ];
  if (terminal === null) return connection;
  return [...connection, ["SSH_TTY", terminal.tty], ["TERM", terminal.term]];
}

/** Variables that make the dynamic loader run foreign code in whatever starts next. */
function steersTheLoader(name: string): boolean {
  return /^(LD|DYLD)_/i.test(name);
}
