/** Rows under a heading, in columns wide enough for what is in them. */

const gap = "  ";

/** @param rows Each as long as `heading`; text without control characters */
export function table(heading: string[], rows: string[][]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => [...row[column]!].length)));
  const line = (row: string[]) =>
    row.map((cell, column) => cell + " ".repeat(widths[column]! - [...cell].length)).join(gap).trimEnd();
  return all.map((row) => `${line(row)}\n`).join("");
}
