/** A newer list of revoked members, off the hostile bus: root verifies it anew and keeps it for every lease to come. */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { loadFleetTrust } from "../../../shared/trust/files.ts";
import { keepRevocations } from "../../../shared/trust/keep_revocations.ts";
import { openRevocations } from "../../../shared/trust/revocations.ts";
import { trusted } from "./verify_open.ts";

/**
 * @param line As the dispatcher has it
 * @param lease The worker's, which no other process has
 * @returns The number that is kept, or `null` when the list is no newer than what is known
 * @throws {ProblemError} `not-trusted` when the fleet key did not sign it, or `malformed`
 */
export function updateTrust(settings: HostSettings, line: string, lease: string): number | null {
  const trust = loadFleetTrust(settings);
  const list = trusted(() => openRevocations(line, trust.fleetKey));
  if (!trust.adopt(list)) return null;
  keepRevocations(settings.revocationsFile, list, lease);
  return list.serial;
}
