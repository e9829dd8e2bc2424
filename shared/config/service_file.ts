/** Where libpam finds the file of a service, and that it is there: without one, libpam silently uses `other`. */

import { join } from "node:path";

/** Folders Linux-PAM reads service files from, in its order (pam.conf(5)). */
export const systemServiceFolders = ["/etc/pam.d", "/usr/lib/pam.d"];

/** Path of the service's file, or `null` when there is none. */
export function findServiceFile(serviceName: string, confdir: string | null): string | null {
  const folders = confdir === null ? systemServiceFolders : [confdir];
  return folders.map((folder) => join(folder, serviceName)).find(isFile) ?? null;
}

/** Whether any service file for `serviceName` would be looked for under these folders, for messages. */
export function serviceFolders(confdir: string | null): string[] {
  return confdir === null ? [...systemServiceFolders] : [confdir];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
