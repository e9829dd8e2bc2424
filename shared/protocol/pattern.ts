/** Patterns as sshd_config(5) and roles use them: `*` is any run of characters, `?` any one. */

/** Whether `pattern` matches the whole of `text`. */
export function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}

/** Root is never reached by a pattern: whoever means root writes root. */
const neverByPattern = "root";

/** Whether an entry of a list of logins, exact or a pattern, covers `login`. */
export function coversLogin(entry: string, login: string): boolean {
  if (!/[*?]/.test(entry)) return entry === login;
  return login !== neverByPattern && matchesPattern(entry, login);
}
