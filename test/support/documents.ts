/** Reading what the documents claim, so that tests can hold it against the code. */

/** Codes in backticks in the first column of every table: message types, subjects, problems… */
export function codesIn(markdown: string): Set<string> {
  const firstColumns = markdown.matchAll(/^\|([^|]*)\|/gm).map(([, cell]) => cell!);
  return new Set(firstColumns.flatMap((cell) => cell.matchAll(/`([^`]+)`/g).map(([, code]) => code!)));
}

/** Codes of the first column below one heading. */
export function pathsIn(markdown: string, heading: string): string[] {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return [...codesIn(section)];
}
