/**
 * Two things that versions of libpam do differently and no version number tells. So libpam is asked, with policies that
 * permit only if it does the one; they run pam_permit and pam_deny.
 */

import { PamError, Transaction } from "../../../../ffi/pam.ts";

export interface LibpamManners {
  /** Whether pam_start_confdir holds for includes too: Linux-PAM 1.5.2 takes them from the system's folders. */
  includesFollowConfdir: boolean;
  /** Whether a jump in pam_setcred and pam_close_session counts the module's answer as well (pam.conf(5)): not in 1.5.2. */
  jumpsCount: boolean;
}

/** @param folder An empty folder of root's alone; empty again afterwards */
export function askLibpam(folder: string): LibpamManners {
  const permits = (policies: Record<string, string>, call: (pam: Transaction) => void) => {
    const files = Object.entries(policies).map(([name, text]) => ({ path: `${folder}/${name}`, text }));
    for (const { path, text } of files) Deno.writeTextFileSync(path, text, { mode: 0o600 });
    try {
      using pam = Transaction.start({
        serviceName: "probe",
        login: "root",
        confdir: folder,
        conversation: () => [],
      });
      call(pam);
      return true;
    } catch (error) {
      if (error instanceof PamError) return false;
      throw error;
    } finally {
      for (const { path } of files) Deno.removeSync(path);
    }
  };
  const [permit, deny] = ["required pam_permit.so\n", "[default=1] pam_deny.so\n"];
  return {
    includesFollowConfdir: permits(
      { probe: "account include included\n", included: `account ${permit}` },
      (pam) => pam.acctMgmt(),
    ),
    jumpsCount: !permits(
      { probe: `auth ${deny}auth ${permit}auth ${permit}` },
      (pam) => pam.setCred("establish"),
    ),
  };
}
