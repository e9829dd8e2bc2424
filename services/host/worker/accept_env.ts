/** Which variables a client may set: sshd's AcceptEnv (sshd_config(5)). */

import { matchesPattern } from "../../../shared/protocol/pattern.ts";

/** Whether one of `patterns` matches the whole of `name`. */
export function isAcceptedVariable(name: string, patterns: string[]): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, name));
}
