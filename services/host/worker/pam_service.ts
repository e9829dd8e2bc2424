/** Whether PAM knows the configured service. libpam itself would silently use `other` for an unknown one. */

import type { PamSettings } from "../../../shared/config/host_settings.ts";
import { isServiceName } from "../../../shared/protocol/names.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";

/** Where Linux-PAM looks, in order; /etc/pam.conf counts only without /etc/pam.d (pam.conf(5)). */
const systemFolders = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d"];
const singleFile = "/etc/pam.conf";

/** @throws {ProblemError} `pam-broken` */
export function requirePamService({ serviceName, confdir }: PamSettings): void {
  const file = serviceName.toLowerCase(); // as pam_start folds it
  if (isServiceName(file) && (confdir === null ? inSystem(file) : isReadable(confdir, file))) return;
  const place = confdir ?? systemFolders.join(", ");
  throw new ProblemError("pam-broken", undefined, {
    cause: new Error(`Cannot find the PAM service '${serviceName}' in ${place}`),
  });
}

function inSystem(serviceName: string): boolean {
  if (systemFolders.some((folder) => isReadable(folder, serviceName))) return true;
  try {
    return Deno.readTextFileSync(singleFile).split("\n").some((line) =>
      line.split(/\s/, 1)[0] === serviceName
    );
  } catch {
    return false;
  }
}

function isReadable(folder: string, serviceName: string): boolean {
  try {
    Deno.readTextFileSync(`${folder}/${serviceName}`);
    return true;
  } catch {
    return false;
  }
}
