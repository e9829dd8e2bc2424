/** A ledger for a host that has none: a new host, or one whose ledger was lost. */

import type { AccountSettings } from "../../../../shared/config/host_settings.ts";
import type { Log } from "./bench.ts";
import { accountModes, Ledger } from "./ledger.ts";
import { localAccount, localGroup } from "./local_files.ts";
import { markerGroups } from "./ownership.ts";

/**
 * Takes in what the system shows: members of the marker groups with a uid of the range. Their homes count as not ours,
 * because nothing proves it. Uids of accounts that were gone already are lost with the old ledger.
 */
export function rebuildLedger({ uidRange }: AccountSettings, log: Log): Ledger {
  const ledger = new Ledger();
  for (const mode of accountModes) {
    const marker = localGroup(markerGroups[mode]);
    if (!marker) continue;
    ledger.markers.set(mode, marker.gid);
    for (const login of marker.members) {
      const account = localAccount(login);
      if (!account || account.uid < uidRange.min || account.uid > uidRange.max) continue;
      const { uid, home } = account;
      const state = "made";
      ledger.accounts.set(login, {
        ...{ uid, mode, state, home, ownsHome: false, groups: [], madeAt: Date.now(), removedAt: null },
      });
    }
  }
  if (ledger.accounts.size > 0) {
    log("warning", "The ledger of accounts was missing and is rebuilt from the marker groups", {
      logins: [...ledger.accounts.keys()],
    });
  }
  return ledger;
}
