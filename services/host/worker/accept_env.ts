/** Which variables a client may set: sshd's AcceptEnv (sshd_config(5)). */

/** Whether one of `patterns` (`*` any run, `?` any one character) matches the whole of `name`. */
export function isAcceptedVariable(name: string, patterns: string[]): boolean {
  return patterns.some((pattern) => matchesPattern(name, pattern));
}

function matchesPattern(name: string, pattern: string): boolean {
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first === undefined) return name === "";
  if (first === "*") {
    for (let at = 0; at <= name.length; at++) if (matchesPattern(name.slice(at), rest)) return true;
    return false;
  }
  return name !== "" && (first === "?" || first === name[0]) && matchesPattern(name.slice(1), rest);
}
