/** Reading a PAM service file (pam.conf(5)). */

export const facilities = ["auth", "account", "password", "session"] as const;
export type Facility = typeof facilities[number];

export interface Rule {
  file: string;
  line: number;
  facility: Facility;
  /** `required`, `[success=1 default=ignore]`, … */
  control: string;
  /** Module with its folder, if it has one, as written. */
  module: string;
  args: string[];
  /** A leading `-`: silent when the module is missing. */
  optionalModule: boolean;
}

export interface BadLine {
  file: string;
  line: number;
  text: string;
}

export interface Stack {
  rules: Rule[];
  /** Includes that lead nowhere, and lines libpam would not understand. */
  missing: { file: string; line: number; service: string }[];
  bad: BadLine[];
}

/** Reads another service file by name, for includes; `null` when there is none. */
export type Resolve = (service: string) => { file: string; text: string } | null;

const maxDepth = 16;

/** @param resolve How an include finds its file */
export function readStack(text: string, file: string, resolve: Resolve, depth = 0): Stack {
  const stack: Stack = { rules: [], missing: [], bad: [] };
  for (const { line, text: joined } of logicalLines(text)) {
    readLine(joined, line, file, resolve, depth, stack);
  }
  return stack;
}

/** Comments gone, and lines that end in a backslash joined with the next. */
function logicalLines(text: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  let pending = "";
  let start = 1;
  for (const [index, raw] of text.split("\n").entries()) {
    if (pending === "") start = index + 1;
    const bare = raw.replace(/#.*$/, "");
    if (bare.endsWith("\\")) {
      pending += `${bare.slice(0, -1)} `;
      continue;
    }
    const whole = (pending + bare).trim();
    pending = "";
    if (whole !== "") found.push({ line: start, text: whole });
  }
  return found;
}

function readLine(
  text: string,
  line: number,
  file: string,
  resolve: Resolve,
  depth: number,
  stack: Stack,
): void {
  const include = /^@include\s+(\S+)$/.exec(text)?.[1];
  if (include !== undefined) return addIncluded(include, null, { file, line, resolve, depth, stack });
  const words = text.match(/\[(?:\\.|[^\]])*\]|\S+/g) ?? [];
  const [type = "", control = "", module = "", ...args] = words;
  const facility = facilities.find((known) => known === type.replace(/^-/, "").toLowerCase());
  if (facility === undefined || module === "") {
    stack.bad.push({ file, line, text });
    return;
  }
  if (control === "include" || control === "substack") {
    return addIncluded(module, facility, { file, line, resolve, depth, stack });
  }
  const optionalModule = type.startsWith("-");
  stack.rules.push({ file, line, facility, control, module, args: args.map(unbracketed), optionalModule });
}

function unbracketed(word: string): string {
  return word.startsWith("[") ? word.slice(1, -1).replaceAll("\\]", "]") : word;
}

function addIncluded(
  service: string,
  facility: Facility | null,
  at: { file: string; line: number; resolve: Resolve; depth: number; stack: Stack },
): void {
  const found = at.depth < maxDepth ? at.resolve(service) : null;
  if (found === null) {
    at.stack.missing.push({ file: at.file, line: at.line, service });
    return;
  }
  const inner = readStack(found.text, found.file, at.resolve, at.depth + 1);
  at.stack.rules.push(...inner.rules.filter((rule) => facility === null || rule.facility === facility));
  at.stack.missing.push(...inner.missing);
  at.stack.bad.push(...inner.bad);
}
