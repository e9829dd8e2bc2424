/** Whether root alone may change a file, and whether a secret is one. */

import type { Finding } from "./finding.ts";

const groupOrOthersMayWrite = 0o022;
const groupOrOthersMayRead = 0o044;

/** What root runs or believes must be root's. */
export function ownershipFindings(file: string): Finding[] {
  const info = statOf(file);
  if (info === null) return [];
  if (info.uid === 0 && ((info.mode ?? 0) & groupOrOthersMayWrite) === 0) return [];
  return [{
    severity: "error",
    where: file,
    what: "Others than root may change this file, and root acts on it",
    remedy: `chown root:root ${file} && chmod go-w ${file}`,
  }];
}

/** A secret must be there and readable by root alone. `make` says how to get one. */
export function secretFindings(file: string, make: string): Finding[] {
  const info = statOf(file);
  if (info === null) {
    return [{
      severity: "error",
      where: file,
      what: "There is no such file, or it cannot be read",
      remedy: make,
    }];
  }
  if (((info.mode ?? 0) & (groupOrOthersMayRead | groupOrOthersMayWrite)) === 0) {
    return ownershipFindings(file);
  }
  return [{
    severity: "error",
    where: file,
    what: "Others than root may read this secret",
    remedy: `chown root:root ${file} && chmod 600 ${file}`,
  }];
}

function statOf(file: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(file);
  } catch {
    return null;
  }
}
