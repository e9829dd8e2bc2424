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

/** PAM_SUBSTACK_MAX_LEVEL of Linux-PAM, for includes of both kinds. */
const maxDepth = 16;

/** @param resolve How an include finds its file */
export function readStack(text: string, file: string, resolve: Resolve): Stack {
  const stack: Stack = { entries: [], rules: [], missing: [], bad: [] };
  readFile(text, { file, resolve, depth: 0, level: 0, wanted: null, stack });
  return stack;
}

interface Reading {
  file: string;
  resolve: Resolve;
  /** Of includes. */
  depth: number;
  /** Of substacks. */
  level: number;
  /** The facility an include asks for; null for all. */
  wanted: Facility | null;
  stack: Stack;
}

function readFile(text: string, reading: Reading): void {
  for (const { line, text: joined } of logicalLines(text)) readLine(joined, line, reading);
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
  if (named !== undefined && module && (word === "include" || word === "substack")) {
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
  const { file, resolve, depth, level, stack } = reading;
  const at = { file, line, facility: facility ?? "auth", level };
  if (isSubstack) stack.entries.push({ ...at, kind: "substack", text: service });
  const found = depth + 1 < maxDepth ? resolve(service) : null;
  if (found === null) {
    stack.missing.push({ file, line, service });
    stack.entries.push({ ...at, kind: "broken", text: `include ${service}`, actions: allBad });
    return;
  }
  readFile(found.text, {
    ...reading,
    file: found.file,
    depth: depth + 1,
    level: level + (isSubstack ? 1 : 0),
    wanted: facility,
  });
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
