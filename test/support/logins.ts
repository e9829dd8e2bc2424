/** Logins nobody has had before, and accounts to meet. */

import { run } from "./command.ts";

let used = 0;

/** A login that no account has. */
export function newLogin(): string {
  return `t${Deno.pid}n${++used}`;
}

/** Makes an account beforehand, with a home folder and bash. */
export async function makeAccount(login: string, ...options: string[]): Promise<void> {
  const { code, stderr } = await run(["useradd", "-m", "-s", "/bin/bash", ...options, login]);
  if (code !== 0) throw new Error(`useradd ${login}: ${stderr}`);
}

/** The uid of an account, or null when there is none. */
export async function uidOf(login: string): Promise<number | null> {
  const { code, stdout } = await run(["id", "-u", login]);
  return code === 0 ? Number(stdout) : null;
}
