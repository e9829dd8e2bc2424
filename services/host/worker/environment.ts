/** The exact environment of the account's processes; nothing of the worker's own is in it. */

import type { ClientAddress } from "../../../shared/protocol/lease.ts";
import { steersTheLoader } from "../../../shared/protocol/names.ts";
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
  /** `NAME=value` as pam_getenvlist(3) gives them; null where PAM is switched off. */
  pam: string[] | null;
}

/**
 * `NAME=value` strings, each name once. The account's defaults come first; the client may add to them but not change
 * them; PAM has the last word, but not about the connection. LD_* and DYLD_* pass from nowhere.
 */
export function buildEnvironment(sources: EnvironmentSources): string[] {
  const connection = connectionVariables(sources);
  const variables = new Map([...accountVariables(sources), ...connection]);
  for (const [name, value] of sources.requested) {
    if (!variables.has(name) && isAcceptedVariable(name, sources.acceptEnv)) variables.set(name, value);
  }
  for (const text of sources.pam ?? []) {
    const equals = text.indexOf("=");
    const name = text.slice(0, Math.max(equals, 0));
    if (name !== "" && !isForModules(name)) variables.set(name, text.slice(equals + 1));
  }
  for (const [name, value] of connection) variables.set(name, value);
  return [...variables].filter(([name]) => !steersTheLoader(name)).map(([name, value]) => `${name}=${value}`);
}

function accountVariables({ identity, path, pam, terminal }: EnvironmentSources): [string, string][] {
  // As sshd: with PAM the mailbox is pam_mail's affair.
  const mail: [string, string][] = pam === null ? [["MAIL", `/var/mail/${identity.login}`]] : [];
  return [
    ["USER", identity.login],
    ["LOGNAME", identity.login],
    ["HOME", identity.home],
    ["PATH", path],
    ...mail,
    ["SHELL", identity.shell],
    ...(terminal === null ? [] : [["TERM", terminal.term] as [string, string]]),
  ];
}

/** The value of SSH_CONNECTION (ssh(1)). */
export function connectionText({ address, port, serverAddress, serverPort }: ClientAddress): string {
  return `${address} ${port} ${serverAddress} ${serverPort}`;
}

/** As sshd(8), section ENVIRONMENT, gives them. */
function connectionVariables({ client, terminal }: EnvironmentSources): [string, string][] {
  const { address, port, serverPort } = client;
  const connection: [string, string][] = [
    ["SSH_CLIENT", `${address} ${port} ${serverPort}`],
    ["SSH_CONNECTION", connectionText(client)],
  ];
  if (terminal === null) return connection;
  return [...connection, ["SSH_TTY", terminal.tty]];
}

/** What sshd tells modules and keeps from the session: how somebody authenticated, and PAM's copy of the connection. */
function isForModules(name: string): boolean {
  return /^SSH_(AUTH_INFO|CONNECTION)/.test(name);
}
