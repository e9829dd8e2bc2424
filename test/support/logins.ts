/** Logins nobody has had before, and accounts to meet. */

import { run } from "./command.ts";

/** A login that no account has. Test files run side by side in one process, so counting would not do. */
export function newLogin(): string {
  return `t${crypto.randomUUID().slice(0, 8)}`;
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
