/** Whose an account is. Ours needs two proofs, the ledger's entry and the marker group; anything else is foreign. */

import { type AccountMode, accountModes, type Ledger, type LedgerEntry } from "./ledger.ts";
import { type LocalAccount, localAccount, localGroup } from "./local_files.ts";

/** The groups whose members we have made. */
export const markerGroups: Record<AccountMode, string> = {
  keep: "sallyport-keep",
  ephemeral: "sallyport-ephemeral",
};

/** GECOS field of an account while it is made; before it is in its marker group, this and the uid tell that it is ours. */
export const accountComment = "Sallyport";

/** `unfinished`: whoever made or removed it died halfway. */
export type Standing = "absent" | "foreign" | "ours" | "unfinished";

/** @param marker Mode of the marker group the account is in */
export function judge(
  entry: LedgerEntry | undefined,
  account: LocalAccount | null,
  marker: AccountMode | null,
): Standing {
  const isHalfway = entry?.state === "making" || entry?.state === "removing";
  if (!account) return isHalfway ? "unfinished" : "absent";
  if (!entry || entry.uid !== account.uid) return "foreign";
  switch (entry.state) {
    case "making":
      return account.gecos.split(",")[0] === accountComment ? "unfinished" : "foreign";
    case "removing":
      return "unfinished";
    case "made":
      return marker === entry.mode ? "ours" : "foreign";
    case "removed":
      return "foreign";
    default:
      return entry.state satisfies never;
  }
}

/** The mode of the marker group `login` is in; a group of the name with another gid than the ledger's marks nobody. */
export function markerOf(login: string, ledger: Ledger): AccountMode | null {
  return accountModes.find((mode) => {
    const group = localGroup(markerGroups[mode]);
    return group !== null && group.gid === ledger.markers.get(mode) && group.members.includes(login);
  }) ?? null;
}

export function standingOf(login: string, ledger: Ledger): Standing {
  return judge(ledger.accounts.get(login), localAccount(login), markerOf(login, ledger));
}
