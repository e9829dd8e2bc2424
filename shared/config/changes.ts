/** What differs between two configurations, by the names of keys. */

import type { Config } from "./schema.ts";

/** These a gateway reads again at SIGHUP. */
const readAgain = ["users", "roles", "pam_logins"];
/** And these a host. */
const readAgainByHost = ["host.allow_logins", "host.deny_logins"];

/** Keys that differ and take effect only when the services start again: `gateway.MaxSessions`, … */
export function changesForRestart(before: Config, after: Config): string[] {
  return differing(before, after, "").filter((key) =>
    !readAgain.includes(key.split(".")[0]!) && !readAgainByHost.includes(key)
  );
}

function differing(before: unknown, after: unknown, path: string): string[] {
  if (!isMap(before) || !isMap(after)) return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differing(before[key], after[key], path === "" ? key : `${path}.${key}`));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
