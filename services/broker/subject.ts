/** Subjects and their wildcards: `*` stands for one token, `>` at the end for one or more. */

/** Whether no token is empty and `>` stands only at the end. */
export function isSubject(subject: string): boolean {
  const tokens = subject.split(".");
  return tokens.every((token, index) => token !== "" && (token !== ">" || index === tokens.length - 1));
}

export function isLiteral(subject: string): boolean {
  return !subject.split(".").some((token) => token === "*" || token === ">");
}

/**
 * Whether every subject that `subject` can stand for, wildcards included, is one `pattern` stands for.
 *
 * Both are tokens. A `>` in `subject` is covered by nothing but `>`, a `*` by `*` or `>`.
 */
export function covers(pattern: readonly string[], subject: readonly string[]): boolean {
  for (let index = 0; index < pattern.length; index++) {
    const wanted = pattern[index];
    const given = subject[index];
    if (given === undefined) return false;
    if (wanted === ">") return true;
    if (given === ">" || (wanted !== "*" && wanted !== given)) return false;
  }
  return pattern.length === subject.length;
}
