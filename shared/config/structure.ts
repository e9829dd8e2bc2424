/** How keys make up a file: sections that refuse unknown keys, lists, maps; and the way back from a path to what is accepted there. */

import { z } from "zod";
import type { Kind } from "./values.ts";
import { refused, required } from "./values.ts";

/** A map with exactly these keys. */
export function section<T extends z.core.$ZodLooseShape>(
  shape: T,
  about: string,
): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape).meta({ description: about });
}

/** A section that counts as given, with its defaults, when it is not. */
export function presumed<T extends z.core.$ZodLooseShape>(
  inner: z.ZodObject<T, z.core.$strict>,
): z.ZodPrefault<z.ZodObject<T, z.core.$strict>> {
  return inner.prefault({} as never);
}

/** A list; without `fallback` the key must be given and hold at least one item. */
export function listKey<T>(
  kind: Kind<T>,
  about: string,
  options: { fallback?: T[]; example: unknown[]; fromText?: FromText },
): z.ZodType<T[]>;
/** Null, rather than empty, when it is not given. */
export function listKey<T>(
  kind: Kind<T>,
  about: string,
  options: { fallback: null; example: unknown[] },
): z.ZodType<T[] | null>;
export function listKey<T>(
  kind: Kind<T>,
  about: string,
  options: { fallback?: T[] | null; example: unknown[]; fromText?: FromText },
): z.ZodType<T[] | null> {
  const items = z.array(required(kind, about, options.example[0]));
  const list = options.fromText ? orText(items, options.fromText) : items;
  const meta = { description: about, example: options.example };
  if (options.fallback === undefined) return items.min(1).meta(meta);
  return list.default(options.fallback as never).meta(meta) as unknown as z.ZodType<T[]>;
}

/** The items of a list that is written as one text. */
export type FromText = (text: string) => string[];

/** A list that may be written as one text. */
export function orText<T>(list: z.ZodType<T[]>, fromText: FromText): z.ZodType<T[]> {
  return z.preprocess(
    (value) => typeof value === "string" ? fromText(value) : value,
    list,
  ) as unknown as z.ZodType<T[]>;
}

/** A map from names of the person's own choice; empty when not given. */
export function mapKey<T>(
  name: RegExp | Kind<string>,
  kind: Kind<T> | z.ZodType<T>,
  about: string,
  example: Record<string, unknown>,
): z.ZodType<Record<string, T>> {
  const value = kind instanceof z.ZodType ? kind : required(kind, about, Object.values(example)[0]);
  const key = name instanceof RegExp ? z.string().regex(name) : nameKey(name);
  return z.record(key, value).default({}).meta({ description: about, example });
}

/** A map's name that says itself what it accepts. */
function nameKey({ accepts, parse }: Kind<string>): z.ZodType<string, string> {
  return z.string().refine((text) => parse(text) !== refused, accepts);
}

/** The schema inside defaults and optionals. */
export function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  for (;;) {
    if (inner instanceof z.ZodPipe && inner.def.in instanceof z.ZodTransform) inner = inner.def.out;
    else if (
      inner instanceof z.ZodDefault || inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault
    ) inner = inner.def.innerType;
    else return inner;
  }
}

/** The schema at a path, or `undefined` where nothing is defined. */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let at: z.core.$ZodType | undefined = unwrapped(schema);
  for (const segment of path) {
    if (at instanceof z.ZodObject) at = at.shape[String(segment)];
    else if (at instanceof z.ZodArray) at = at.element;
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else return undefined;
    if (at === undefined) return undefined;
    at = unwrapped(at);
  }
  return at;
}

/** The keys a section accepts. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const at = schemaAt(schema, path);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}
