/** Leases whose PAM session is still to be closed: a janitor's modules want the account as much as the worker's did. */

import type { HostSettings } from "../../../../shared/config/host_settings.ts";
import { isLeaseId } from "../../../../shared/protocol/names.ts";
import { readJournal } from "../journal.ts";

/** Whether the journal has an open lease of `login`. An entry that cannot be read is nobody's. */
export function hasOpenLease(login: string, settings: Pick<HostSettings, "runDirectory">): boolean {
  return leases(settings.runDirectory).some((lease) => {
    try {
      return readJournal(settings, lease).login === login;
    } catch {
      return false; // Closed just now, or damaged; a janitor cannot read it either.
    }
  });
}

function leases(runDirectory: string): string[] {
  try {
    const names = [...Deno.readDirSync(`${runDirectory}/leases`)].map(({ name }) =>
      name.replace(/\.json$/, "")
    );
    return names.filter(isLeaseId);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
