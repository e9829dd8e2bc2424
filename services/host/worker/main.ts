/**
 * The worker: root, one lease, strictly synchronous, then it exits.
 *
 * `main.ts SETTINGS.json` serves one lease on descriptor 3; `main.ts SETTINGS.json --janitor LEASE` closes the PAM
 * session of a worker that died; `main.ts SETTINGS.json --accounts` sweeps the accounts of our making;
 * `main.ts SETTINGS.json --dry-run` tries a login for the doctor on descriptor 3.
 */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { sweepAccounts } from "./accounts/sweep.ts";
import { serveDryRun } from "./dry_run/local.ts";
import { closeAbandonedLease } from "./janitor.ts";
import { serveLease } from "./lease.ts";

const socketDescriptor = 3;

function main([settingsFile, flag, lease]: string[]): void {
  if (settingsFile === undefined) throw new TypeError("Cannot start a worker without a settings file");
  const settings = JSON.parse(Deno.readTextFileSync(settingsFile)) as HostSettings;
  if (flag === "--janitor" && lease !== undefined) closeAbandonedLease(settings, lease);
  else if (flag === "--accounts") sweepAccounts(settings);
  else if (flag === "--dry-run") serveDryRun(settings, socketDescriptor);
  else if (flag === undefined) serveLease(settings, socketDescriptor);
  else throw new TypeError(`Cannot start a worker with ${flag}`);
}

if (import.meta.main) {
  main(Deno.args);
  Deno.exit(0);
}
