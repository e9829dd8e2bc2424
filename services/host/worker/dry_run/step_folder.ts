/** The folder in which a dry run writes the policy of each step; root's alone. */

import type { HostSettings } from "../../../../shared/config/host_settings.ts";
import { isLeaseId } from "../../../../shared/protocol/names.ts";

type RunDirectory = Pick<HostSettings, "runDirectory">;

function stepFolder({ runDirectory }: RunDirectory, lease: string): string {
  if (!isLeaseId(lease)) throw new TypeError(`Cannot use '${lease}' in the name of a folder`);
  return `${runDirectory}/dry-run-${lease}`;
}

/** Makes it, empty. */
export function makeStepFolder(settings: RunDirectory, lease: string): string {
  removeStepFolder(settings, lease);
  const folder = stepFolder(settings, lease);
  Deno.mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Removes it with what is in it; does nothing when there is none. */
export function removeStepFolder(settings: RunDirectory, lease: string): void {
  try {
    Deno.removeSync(stepFolder(settings, lease), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
