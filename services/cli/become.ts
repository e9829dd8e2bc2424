/**
 * Becoming a role: the configuration is checked with npm code, its result written as plain JSON, and the process
 * replaced (execve), so that no npm code and no YAML stay in it.
 */

import { join } from "node:path";
import { execReplace } from "../../ffi/process.ts";
import { withParent } from "../../shared/parent.ts";
import { reasonOf } from "../../shared/text_file.ts";
import { Failure } from "./failure.ts";
import { denoArguments, keptEnvironment, type PermissionSet } from "./role_command.ts";

/** @throws {Failure} When the settings cannot be written */
export function become(
  role: { permissions: PermissionSet; entry: string; withParent: boolean },
  settings: Settings,
): never {
  const file = writeSettings(settings);
  const args = role.withParent ? [file, withParent] : [file];
  const deno = Deno.execPath();
  const environment = Object.entries(keptEnvironment()).map(([name, value]) => `${name}=${value}`);
  return execReplace(deno, [deno, ...denoArguments(role.permissions, role.entry, args)], environment);
}

/** What a role is told, and where that is written. */
interface Settings {
  folder: string;
  name: string;
  value: object;
}

/**
 * Writes the settings where only root can read or replace them.
 *
 * @returns The file
 * @throws {Failure}
 */
export function writeSettings({ folder, name, value }: Settings): string {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = Deno.lstatSync(folder);
    if (uid !== 0 || ((mode ?? 0) & 0o022) !== 0) {
      throw new Failure(`Cannot use ${folder}: it must belong to root and be writable by nobody else`);
    }
    const file = join(folder, name);
    const temporary = `${file}.${Deno.pid}`;
    Deno.writeTextFileSync(temporary, JSON.stringify(value), { mode: 0o600 });
    Deno.renameSync(temporary, file);
    return file;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(`Cannot write settings below ${folder}: ${reasonOf(cause)}`, undefined, { cause });
  }
}
