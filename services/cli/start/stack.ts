/** Puts the bundled PAM stack into the state folder, with the paths it has there; nothing in /etc is edited. */

import { dirname, join } from "node:path";
import { reasonOf } from "../../../shared/text_file.ts";
import { Failure } from "../failure.ts";
import { projectFile } from "../role_command.ts";
import { createOnce, makeFolder, readOwn } from "../state_files.ts";

/** Service name of the bundled stack. */
export const bundledService = "sallyport";

/** Copies stack, script and message of the day, unless they are there. */
export function installStack(folder: string, runDirectory: string): void {
  for (const name of ["pam.d", "pam-exec.d"]) makeFolder(join(folder, name), 0o755);
  const script = join(folder, "pam-exec.d/create-account");
  createOnce(script, 0o755, () => example("pam-exec.d/create-account"));
  createOnce(join(folder, "motd"), 0o644, () => example("motd"));
  const motd = publishMotd(folder, runDirectory);
  createOnce(join(folder, "pam.d", bundledService), 0o644, () =>
    example(`pam.d/${bundledService}`)
      .replaceAll("/etc/pam-exec.d/create-account", script)
      .replaceAll("/etc/sallyport/motd", motd));
}

/**
 * Where an account can read the message of the day: pam_motd opens it with the account's rights, so that below a
 * closed folder a copy in /run must do, renewed at every start.
 */
function publishMotd(folder: string, runDirectory: string): string {
  const motd = join(folder, "motd");
  if (isOpenToAll(folder)) return motd;
  const copy = `${runDirectory}.motd`;
  try {
    Deno.writeTextFileSync(copy, readOwn(motd));
    Deno.chmodSync(copy, 0o644);
  } catch (cause) {
    throw new Failure(`Cannot write ${copy}: ${reasonOf(cause)}`);
  }
  return copy;
}

const othersMaySearch = 0o001;

/** Whether everybody may pass through the folder and all above it. */
function isOpenToAll(folder: string): boolean {
  const open = ((Deno.statSync(folder).mode ?? 0) & othersMaySearch) !== 0;
  const parent = dirname(folder);
  return open && (parent === folder || isOpenToAll(parent));
}

function example(name: string): string {
  return readOwn(projectFile(`examples/${name}`));
}
