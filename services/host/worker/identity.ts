/** Who the login is on this host, once PAM has had the chance to create the account. */

import { poll } from "../../../ffi/process.ts";
import { groupList, passwdByName, type PasswdEntry } from "../../../ffi/passwd.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";

export interface Identity {
  login: string;
  uid: number;
  gid: number;
  /** Primary and supplementary groups by the group database. */
  groups: number[];
  home: string;
  /** Absolute path; never empty. */
  shell: string;
}

const attempts = 3;
/** An account made a moment ago by another process may reach a name service a little late. */
const retryDelayMs = 100;

/** (uid_t) -1: to setresuid(2) it means "keep root's". */
const noId = 0xffff_ffff;

function requireOrdinaryIds({ name, uid, gid }: PasswdEntry): void {
  if (uid !== noId && gid !== noId) return;
  throw new ProblemError("account-refused", undefined, {
    cause: new Error(`The account '${name}' has the id 4294967295, which means none`),
  });
}

/**
 * Resolves `login`. Never call it before pam_acct_mgmt: nscd would remember that the account did not exist.
 *
 * @throws {ProblemError} `account-missing`
 */
export function resolveIdentity(login: string): Identity {
  for (let attempt = 1;; attempt++) {
    const entry = passwdByName(login);
    if (entry) {
      requireOrdinaryIds(entry);
      return {
        login: entry.name,
        uid: entry.uid,
        gid: entry.gid,
        groups: groupList(entry.name, entry.gid),
        home: entry.home,
        shell: entry.shell || "/bin/sh", // passwd(5): an empty field means /bin/sh
      };
    }
    if (attempt === attempts) {
      throw new ProblemError("account-missing", undefined, {
        cause: new Error(`Cannot find the account '${login}' after the account stack succeeded`),
      });
    }
    poll([], retryDelayMs);
  }
}
