/**
 * Accounts and groups of this machine's own, read from /etc/passwd and /etc/group themselves.
 *
 * Not through the name service: it may remember a miss (nscd), and it does not say whose an entry is. Only a local
 * account can be ours.
 */

/** A line of /etc/passwd. */
export interface LocalAccount {
  login: string;
  uid: number;
  gid: number;
  gecos: string;
  home: string;
  shell: string;
}

/** A line of /etc/group. */
export interface LocalGroup {
  name: string;
  gid: number;
  members: string[];
}

const accountsFile = "/etc/passwd";
const groupsFile = "/etc/group";

function* linesOf(file: string): Iterable<string[]> {
  for (const line of Deno.readTextFileSync(file).split("\n")) if (line !== "") yield line.split(":");
}

/** The account with the name, or `null`. */
export function localAccount(login: string): LocalAccount | null {
  for (const [name, , uid, gid, gecos = "", home = "", shell = ""] of linesOf(accountsFile)) {
    if (name === login) return { login, uid: Number(uid), gid: Number(gid), gecos, home, shell };
  }
  return null;
}

/** The group with the name, or `null`. */
export function localGroup(name: string): LocalGroup | null {
  for (const [found, , gid, members = ""] of linesOf(groupsFile)) {
    if (found === name) return { name, gid: Number(gid), members: members.split(",").filter(Boolean) };
  }
  return null;
}
