/** Rows as Markdown. */

export interface Row {
  what: string;
  ours: string;
  theirs: string;
  /** Ours divided by sshd's, or `-` where sshd has no such figure. */
  ratio: string;
  /** What must be reached first. */
  bound: string;
  reached: boolean;
}

/** A row whose bound is a ratio to sshd: at most for times, at least for rates. */
export function ratioRow(
  what: string,
  ours: number,
  theirs: number,
  options: { unit: string; atMost?: number; atLeast?: number },
): Row {
  const { unit, atMost, atLeast } = options;
  const ratio = ours / theirs;
  return {
    what,
    ours: `${figure(ours)} ${unit}`,
    theirs: `${figure(theirs)} ${unit}`,
    ratio: `${ratio.toFixed(2)} ×`,
    bound: atMost !== undefined ? `≤ ${atMost} ×` : `≥ ${atLeast} ×`,
    reached: atMost !== undefined ? ratio <= atMost : ratio >= atLeast!,
  };
}

/** A row whose bound is a figure of its own. */
export function absoluteRow(
  what: string,
  ours: number,
  options: { theirs?: number; unit: string; atMost?: number; atLeast?: number },
): Row {
  const { theirs, unit, atMost, atLeast } = options;
  return {
    what,
    ours: `${figure(ours)} ${unit}`,
    theirs: theirs === undefined ? "-" : `${figure(theirs)} ${unit}`,
    ratio: theirs === undefined ? "-" : `${(ours / theirs).toFixed(2)} ×`,
    bound: atMost !== undefined ? `≤ ${atMost} ${unit}` : `≥ ${atLeast} ${unit}`,
    reached: atMost !== undefined ? ours <= atMost : ours >= atLeast!,
  };
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function printTable(rows: Row[]): void {
  const line = (cells: string[]) => console.log(`| ${cells.join(" | ")} |`);
  line(["what", "Sallyport", "sshd", "ratio", "must reach", ""]);
  line(["---", "---", "---", "---", "---", "---"]);
  for (const { what, ours, theirs, ratio, bound, reached } of rows) {
    line([what, ours, theirs, ratio, bound, reached ? "yes" : "**no**"]);
  }
}
