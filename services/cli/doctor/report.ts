/** The doctor's words: worst first, then a count. */

import type { Finding } from "./finding.ts";

const signs = { error: "✗", warning: "!" } as const;

export function report(findings: readonly Finding[]): string {
  if (findings.length === 0) return "Everything is there.";
  const ordered = [...findings].sort((one, other) =>
    one.severity.localeCompare(other.severity) ||
    (one.where ?? "").localeCompare(other.where ?? "", "en", { numeric: true })
  );
  const lines = ordered.map(({ severity, where, what, remedy }) =>
    `${signs[severity]} ${where === null ? "" : `${where}: `}${what}\n    ${remedy}`
  );
  const errors = findings.filter(({ severity }) => severity === "error").length;
  return [...lines, "", `${count(errors, "error")}, ${count(findings.length - errors, "warning")}`].join(
    "\n",
  );
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
