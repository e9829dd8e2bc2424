/** Reading what the documents claim, so that tests can hold it against the code. */

/** Codes in backticks in the first column of every table: message types, subjects, problems… */
export function codesIn(markdown: string): Set<string> {
  const firstColumns = markdown.matchAll(/^\|([^|]*)\|/gm).map(([, cell]) => cell!);
  return new Set(firstColumns.flatMap((cell) => cell.matchAll(/`([^`]+)`/g).map(([, code]) => code!)));
}

/** Codes of the first column below one heading. */
export function pathsIn(markdown: string, heading: string): string[] {
  return [...codesIn(sectionOf(markdown, heading))];
}

/** Cells of the table below one heading, row by row, without its head. */
export function rowsIn(markdown: string, heading: string): string[][] {
  const lines = sectionOf(markdown, heading).split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

function sectionOf(markdown: string, heading: string): string {
  return markdown.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
}
