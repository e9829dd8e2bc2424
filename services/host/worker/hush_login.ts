/** Whether somebody wants no words at login: `~/.hushlogin`, as for login(1) and sshd(8). */

import { withEffectiveIds } from "../../../ffi/privileges.ts";
import type { Login } from "./login.ts";

const fileName = ".hushlogin";

/** Looked at with the account's ids: it is their folder, perhaps on a file server that does not know root. */
export function isHushed({ identity, groups }: Pick<Login, "identity" | "groups">): boolean {
  const { uid, gid, home } = identity;
  return withEffectiveIds({ uid, gid, groups }, () => exists(`${home}/${fileName}`));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false; // Not there, or not to be seen: sshd makes no difference either.
  }
}
