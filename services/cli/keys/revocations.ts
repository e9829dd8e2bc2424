/** The fleet's list of revoked members, in the folder with the fleet key. */

import { join } from "node:path";
import { reasonOf } from "../../../shared/text_file.ts";
import { readRevocations } from "../../../shared/trust/files.ts";
import { fleetPublicKey } from "../../../shared/trust/identity.ts";
import { signRevocations } from "../../../shared/trust/revocations.ts";
import { Failure } from "../failure.ts";
import { exists, readOwn, writeWhole } from "../state_files.ts";

function fileOf(folder: string): string {
  return join(folder, "revocations");
}

/** Signs the list anew with one more member. @returns Its file @throws {Failure} */
export function revokeKey(folder: string, publicKey: string): string {
  const secret = readOwn(join(folder, "fleet.key"));
  const file = fileOf(folder);
  const before = readRevocations(file, fleetPublicKey(secret));
  if (before === null && exists(file)) {
    throw new Failure(`Cannot use ${file}: it is not a list of this fleet's; put it back from a copy`);
  }
  const revoked = [...new Set([...before?.revoked ?? [], publicKey])];
  const serial = (before?.serial ?? 0) + 1;
  let line: string;
  try {
    line = signRevocations(secret, { serial, issuedAt: Date.now(), revoked });
  } catch (cause) {
    throw new Failure(reasonOf(cause));
  }
  writeWhole(file, 0o644, `${line}\n`);
  return file;
}

/** A new member knows from the start who is revoked. @throws {Failure} */
export function copyRevocations(folder: string, own: string): void {
  if (exists(fileOf(folder))) writeWhole(join(own, "revocations"), 0o644, readOwn(fileOf(folder)));
}
