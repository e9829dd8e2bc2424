/** Reading a PAM service file as libpam does (pam.conf(5); `@include` is Debian's). Pure: {@link Resolve} finds the files. */

import { type Actions, actionsOf, allBad } from "./control.ts";

export const facilities = ["auth", "account", "password", "session"] as const;
export type Facility = typeof facilities[number];

interface At {
  file: string;
  line: number;
  facility: Facility;
  /** Depth of substacks; 0 outside of them. */
  level: number;
}

export interface Rule extends At {
  kind: "module";
  /** `required`, `[success=1 default=ignore]`, … as written. */
  control: string;
  actions: Actions;
  /** Module with its folder, if it has one, as written. */
  module: string;
  args: string[];
  /** Module and arguments as written, with their brackets. */
  text: string;
  /** A leading `-`: silent when the module is missing. */
  optionalModule: boolean;
}

/** What libpam keeps in its list of a facility besides modules: a jump counts them too. */
export type Entry =
  | Rule
  /** Stands before the entries of a substack, which are one level deeper. */
  | (At & { kind: "substack"; text: string })
  /** A line libpam does not understand answers PAM_PERM_DENIED. */
  | (At & { kind: "broken"; text: string; actions: Actions });

export interface BadLine {
  file: string;
  line: number;
  text: string;
}

export interface Stack {
  /** Everything, in libpam's order. */
  entries: Entry[];
  /** The modules among them. */
  rules: Rule[];
  /** Includes that lead nowhere, and lines libpam would not understand. */
  missing: { file: string; line: number; service: string }[];
  bad: BadLine[];
}

/** Reads another service file by name, for includes; `null` when there is none. */
export type Resolve = (service: string) => { file: string; text: string } | null;

/** PAM_SUBSTACK_MAX_LEVEL of Linux-PAM. */
const maxLevel = 16;
/** @param resolve How an include finds its file */
export function readStack(text: string, file: string, resolve: Resolve): Stack {
  const stack: Stack = { entries: [], rules: [], missing: [], bad: [] };
  readFile(text, { file, resolve, open: [], level: 0, wanted: null, stack });
  return stack;
}

interface Reading {
  file: string;
  resolve: Resolve;
  /** The files we have come through since the last substack. */
  open: string[];
  /** Of substacks. */
  level: number;
  /** The facility an include asks for; null for all. */
  wanted: Facility | null;
  stack: Stack;
}

/** @returns Whether the file ends where a line does; libpam gives up on it otherwise, after what stands before. */
function readFile(text: string, reading: Reading): boolean {
  const { lines, isComplete } = logicalLines(text);
  for (const { line, text: joined } of lines) readLine(joined, line, reading);
  return isComplete;
}

/**
 * Comments gone, and lines that end in a backslash joined with the next, as `_pam_assemble_line` does it: blanks may
 * follow the backslash, what is empty or only a comment is passed over even then, and a carriage return is no blank.
 */
function logicalLines(text: string): { lines: { line: number; text: string }[]; isComplete: boolean } {
  const lines: { line: number; text: string }[] = [];
  let pending: { line: number; text: string } | null = null;
  for (const [index, raw] of text.split("\n").entries()) {
    const [, bare = "", comment] = /^[ \t]*([^#]*)(#)?/.exec(raw) ?? [];
    if (bare === "") continue;
    pending ??= { line: index + 1, text: "" };
    const trimmed = bare.replace(/[ \t]+$/, "");
    // Before a comment, a backslash is a character like others.
    const goesOn = comment === undefined && trimmed.endsWith("\\");
    pending.text += goesOn ? `${trimmed.slice(0, -1)} ` : trimmed;
    if (goesOn) continue;
    lines.push(pending);
    pending = null;
  }
  return { lines, isComplete: pending === null };
}

function readLine(text: string, line: number, reading: Reading): void {
  const { file, level, wanted, stack } = reading;
  const [type, control, module, ...args] = tokens(text);
  if (type?.value.toLowerCase() === "@include" && control) {
    return include(control.value, wanted, line, false, reading);
  }
  const name = type?.value.replace(/^-/, "").toLowerCase();
  const named = facilities.find((known) => known === name);
  // As libpam: what cannot be told is an auth line, the most sensitive.
  const facility = named ?? wanted ?? "auth";
  if (wanted !== null && facility !== wanted) return;
  const word = control?.value.toLowerCase();
  if (module && (word === "include" || word === "substack")) {
    if (named === undefined) stack.bad.push({ file, line, text });
    return include(module.value, facility, line, word === "substack", reading);
  }
  const at = { file, line, facility, level };
  const actions = control ? actionsOf(control.value) : allBad;
  if (named === undefined || control === undefined || module === undefined) {
    stack.bad.push({ file, line, text });
    stack.entries.push({ ...at, kind: "broken", text, actions });
    return;
  }
  const rule: Rule = {
    ...at,
    kind: "module",
    control: text.slice(control.start, control.end),
    actions,
    module: module.value,
    args: args.map(({ value }) => value),
    text: text.slice(module.start),
    optionalModule: type?.value.startsWith("-") ?? false,
  };
  stack.entries.push(rule);
  stack.rules.push(rule);
}

function include(
  service: string,
  facility: Facility | null,
  line: number,
  isSubstack: boolean,
  reading: Reading,
): void {
  const { file, resolve, level, stack } = reading;
  const at = { file, line, facility: facility ?? "auth", level };
  if (isSubstack) stack.entries.push({ ...at, kind: "substack", text: service });
  const open = isSubstack ? [] : [...reading.open, file];
  const inner = { ...reading, open, level: level + (isSubstack ? 1 : 0), wanted: facility };
  const resolved = inner.level < maxLevel ? resolve(service) : null;
  // libpam goes round in such a circle until its stack overflows.
  const found = resolved && open.includes(resolved.file) ? null : resolved;
  if (found === null) stack.missing.push({ file, line, service });
  if (found !== null && readFile(found.text, { ...inner, file: found.file })) return;
  stack.entries.push({ ...at, kind: "broken", text: `include ${service}`, actions: allBad });
}

interface Token {
  value: string;
  start: number;
  end: number;
}

/** Words, or what is between brackets, in which `\]` is a bracket. */
function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (let at = 0; at < text.length;) {
    const start = at;
    if (isBlank(text[at])) {
      at++;
      continue;
    }
    let value = "";
    if (text[at] === "[") {
      for (at++; at < text.length && text[at] !== "]"; at++) {
        if (text[at] === "\\" && text[at + 1] === "]") at++;
        value += text[at];
      }
      at++;
    } else {
      while (at < text.length && !isBlank(text[at])) value += text[at++];
    }
    found.push({ value, start, end: at });
  }
  return found;
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}
