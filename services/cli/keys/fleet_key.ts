/** The fleet key, which can live offline, and the identities it signs. */

import { join } from "node:path";
import { createFleetKey, fleetPublicKey, issueIdentity, trustText } from "../../../shared/trust/identity.ts";
import { authorityLine } from "../../../shared/trust/host_certificate.ts";
import { createOnce, exists, makeFolder, readOwn } from "../state_files.ts";

/**
 * Fleet key and trust file, unless there is a trust file: its key may have been taken offline, and is not replaced. The
 * key is written first, so that one who is interrupted in between goes on from it.
 */
export function makeFleetKey(folder: string): void {
  makeFolder(folder);
  const trust = join(folder, "trust");
  if (exists(trust)) return;
  const key = join(folder, "fleet.key");
  createOnce(key, 0o600, () => createFleetKey().secret);
  createOnce(trust, 0o644, () => trustText(fleetPublicKey(readOwn(key))));
  createOnce(join(folder, "ssh_ca"), 0o644, () => `${authorityLine(fleetPublicKey(readOwn(key)))}\n`);
}

/** An identity file signed by the folder's fleet key, unless it is there. */
export function makeIdentity(
  folder: string,
  kind: "gateway" | "host",
  name: string,
  fileName: string,
): string {
  const file = join(folder, fileName);
  createOnce(file, 0o600, () => issueIdentity(readOwn(join(folder, "fleet.key")), kind, name));
  return file;
}
