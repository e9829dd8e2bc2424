/** Turns what is wrong with a configuration file into sentences: file, line, column, key, what is there, what is accepted. */

import { type Document, isMap, isNode, isScalar, type LineCounter } from "yaml";
import type { z } from "zod";
import { nearest } from "./nearest.ts";
import { keysAt } from "./structure.ts";

/** A configuration that cannot be used; `mistakes` holds one sentence each, all that were found. */
export class ConfigError extends Error {
  override name = "ConfigError";
  constructor(readonly mistakes: string[]) {
    super(mistakes.join("\n"));
  }
}

export type Path = readonly PropertyKey[];

/** A parsed YAML file that can say where in the text a key stands. */
export interface Source {
  file: string;
  document: Document;
  lines: LineCounter;
}

/** `gateway.listen[0]`; a key with a dot or a space in it stands in quotes. */
export function pathText(path: Path): string {
  return path.map((segment, index) => {
    if (typeof segment === "number") return `[${segment}]`;
    const key = String(segment);
    const shown = /^[A-Za-z0-9_*-]+$/.test(key) ? key : JSON.stringify(key);
    return index === 0 ? shown : `.${shown}`;
  }).join("");
}

/** `file:line:column`, of the key itself when `atKey`, else of its value; of the nearest parent when it is not there. */
export function place(source: Source, path: Path, atKey = false): string {
  const offset = atKey ? keyOffset(source, path) : valueOffset(source, path);
  if (offset === undefined) {
    return path.length === 0 ? `${source.file}:1:1` : place(source, path.slice(0, -1), true);
  }
  const { line, col } = source.lines.linePos(offset);
  return `${source.file}:${line}:${col}`;
}

function valueOffset({ document }: Source, path: Path): number | undefined {
  const node = document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}

function keyOffset(source: Source, path: Path): number | undefined {
  const parent = source.document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  if (!isMap(parent)) return valueOffset(source, path);
  const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}

/** The value as the file has it, short, for the end of a sentence. */
function found({ document }: Source, path: Path): string {
  const node = document.getIn(path, true);
  if (!isNode(node)) return "nothing";
  const value: unknown = node.toJS(document);
  if (value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map of keys";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}

const structures: Record<string, string> = {
  object: "a map of keys",
  record: "a map of keys",
  array: "a list",
};

function accepted(issue: z.core.$ZodIssue): string {
  if (issue.code === "custom") return issue.message;
  if (issue.code === "invalid_type") return structures[issue.expected] ?? issue.expected;
  if (issue.code === "too_small") return "a list with at least one item";
  if (issue.code === "invalid_key") return acceptedName(issue);
  return issue.message;
}

/** What the name of a key in a map may be, in the words of the map where it has any. */
function acceptedName({ issues }: z.core.$ZodIssueInvalidKey): string {
  const own = issues.find(({ code }) => code === "custom");
  return own?.message ?? "named with letters, digits and the usual punctuation";
}

/** One sentence per mistake; an issue about several unknown keys gives one each. */
export function sentences(source: Source, schema: z.core.$ZodType, issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey(source, schema, [...issue.path, key]));
  }
  const path = asWritten(source, issue.path);
  const value = found(source, path);
  const key = pathText(path) || "The file";
  const accepts = accepted(issue);
  if (issue.code === "invalid_key") return [`${place(source, path, true)}: ${key} must be ${accepts}`];
  if (!source.document.hasIn(path) && path.length > 0) {
    return [`${place(source, path)}: ${key} is missing; it must be ${accepts}`];
  }
  return [`${place(source, path)}: ${key} must be ${accepts}, not ${value}`];
}

/** Without the steps into what the file has as one text. */
function asWritten({ document }: Source, path: Path): Path {
  const at = path.findIndex((_, index) => isScalar(document.getIn(path.slice(0, index), true)));
  return at < 0 ? path : path.slice(0, at);
}

function unknownKey(source: Source, schema: z.core.$ZodType, path: Path): string {
  const keys = keysAt(schema, path.slice(0, -1));
  const meant = nearest(String(path.at(-1)), keys);
  const hint = meant === null ? `accepted here: ${keys.join(", ")}` : `did you mean ${meant}?`;
  return `${place(source, path, true)}: ${pathText(path)} is not a key; ${hint}`;
}
