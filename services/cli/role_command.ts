/** The command line of each of our processes: the same Deno, the role's permission set, nothing asked for at run time. */

import { fileURLToPath } from "node:url";

/** Path of a file of the project, given relative to deno.json. */
export function projectFile(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

/** Names of permission sets in deno.json. */
export type PermissionSet = "launcher" | "gateway" | "broker" | "monitor";

/** Arguments for Deno: run `entry` (relative to deno.json) with the permissions of `set`. */
export function denoArguments(set: PermissionSet, entry: string, args: string[]): string[] {
  const config = projectFile("deno.json");
  return ["run", "--quiet", "--no-prompt", "--config", config, `-P=${set}`, projectFile(entry), ...args];
}

/** Names that reach our processes from the environment of whoever started them; workers would show more to PAM scripts. */
const keptNames =
  /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|XDG_CACHE_HOME|DENO_DIR|DENO_CERT|DENO_TLS_CA_STORE|npm_config_registry|NPM_CONFIG_REGISTRY|SSL_CERT_\w+|OTEL_\w+)$/;

export function keptEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => keptNames.test(name)));
}
