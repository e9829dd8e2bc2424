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

/** Makes an account with a login that nobody has had before, to log in to with `password`. */
export async function accountWith(password: string, ...options: string[]): Promise<string> {
  const login = newLogin();
  await makeAccount(login, ...options);
  await setPassword(login, password);
  return login;
}

/** Gives an account another password. */
export async function setPassword(login: string, password: string): Promise<void> {
  const { code, stderr } = await run(["chpasswd"], { stdin: `${login}:${password}\n` });
  if (code !== 0) throw new Error(`chpasswd ${login}: ${stderr}`);
}

/** Ids far from what useradd gives out begin here. */
const firstBareUid = 20_000;

/** Makes many accounts at once, without home or password; useradd would take longer than the test. */
export async function makeBareAccounts(logins: string[]): Promise<void> {
  const taken = (await Deno.readTextFile("/etc/passwd")).split("\n").map((line) =>
    Number(line.split(":")[2])
  );
  let uid = Math.max(firstBareUid, ...taken.filter((uid) => uid < 60_000).map((uid) => uid + 1));
  const lines = logins.map((login) => `${login}:x:${uid++}:100::/:/bin/sh\n`);
  await Deno.writeTextFile("/etc/passwd", lines.join(""), { append: true });
  const locked = logins.map((login) => `${login}:!:1::::::\n`);
  await Deno.writeTextFile("/etc/shadow", locked.join(""), { append: true });
}

/** The uid of an account, or null when there is none. */
export async function uidOf(login: string): Promise<number | null> {
  const { code, stdout } = await run(["id", "-u", login]);
  return code === 0 ? Number(stdout) : null;
}
