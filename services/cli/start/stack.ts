/** Puts the bundled PAM stack into the state folder, with the paths it has there; nothing in /etc is edited. */

import { join } from "node:path";
import { Failure, sentenceOf } from "../failure.ts";
import { projectFile } from "../role_command.ts";
import { createOnce, readOwn } from "../state_files.ts";

/** Service name of the bundled stack. */
export const bundledService = "sallyport";

/** Paths the stack in examples/pam.d names, and where the state folder has those files. */
const installed: Record<string, string> = {
  "/etc/pam-exec.d/create-account": "pam-exec.d/create-account",
  "/etc/sallyport/motd": "motd",
};

/** Copies stack, script and message of the day, unless they are there. */
export function installStack(folder: string): void {
  try {
    for (const name of ["pam.d", "pam-exec.d"]) {
      Deno.mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
    }
  } catch (cause) {
    throw new Failure(`Cannot make folders below ${folder}: ${sentenceOf(cause)}`);
  }
  createOnce(join(folder, "pam-exec.d/create-account"), 0o755, () => example("pam-exec.d/create-account"));
  createOnce(join(folder, "motd"), 0o644, () => example("motd"));
  createOnce(join(folder, "pam.d", bundledService), 0o644, () => {
    let stack = example(`pam.d/${bundledService}`);
    for (const [path, name] of Object.entries(installed)) stack = stack.replaceAll(path, join(folder, name));
    return stack;
  });
}

function example(name: string): string {
  return readOwn(projectFile(`examples/${name}`));
}
