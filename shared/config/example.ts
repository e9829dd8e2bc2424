/** examples/sallyport.yaml, written from the schema, so that no key is missing there. */

import { stringify } from "yaml";
import { z } from "zod";
import { schema } from "./schema.ts";
import { unwrapped } from "./structure.ts";

const head =
  `# Every key of sallyport.yaml. Where a key has a default it is the value shown here, unless the comment names another.
# File names are relative to the folder of this file. Unknown keys and wrong values are refused with their line.
# Times are in seconds, or as sshd writes them: 30, 2m, 1h30m.
`;

/** The whole file. Made by `deno run -A examples/generate.ts`. */
export function exampleText(): string {
  return head + lines(schema, 0).join("\n") + "\n";
}

type Meta = { description?: string; example?: unknown } | undefined;

function lines(section: z.core.$ZodType, depth: number): string[] {
  if (!(section instanceof z.ZodObject)) return [];
  return Object.entries(section.shape as Record<string, z.ZodType>)
    // The same keys again, nested as in Teleport's guide; both together are refused.
    .filter(([key]) => !(depth === 0 && key === "teleport"))
    .flatMap(([key, value]) => keyLines(key, value, depth));
}

function keyLines(key: string, value: z.ZodType, depth: number): string[] {
  const inner = unwrapped(value);
  const meta: Meta = value.meta() ?? (inner as z.ZodType).meta();
  const indent = "  ".repeat(depth);
  const none = value.safeParse(undefined).data === null ? " None unless given." : "";
  const about = meta?.description ? [`${indent}# ${meta.description}${none}`] : [];
  const gap = depth === 0 ? [""] : [];
  if (inner instanceof z.ZodObject) return [...gap, ...about, `${indent}${key}:`, ...lines(inner, depth + 1)];
  if (inner instanceof z.ZodArray && inner.element instanceof z.ZodObject) {
    const item = lines(inner.element, depth + 2);
    const start = item.findIndex((line) => !line.trimStart().startsWith("#"));
    const comments = item.slice(0, start).map((line) => `${indent}  ${line.trimStart()}`);
    item.splice(0, start + 1, ...comments, `${indent}  - ${item[start]?.trimStart()}`);
    return [...gap, ...about, `${indent}${key}:`, ...item];
  }
  if (inner instanceof z.ZodRecord && inner.valueType instanceof z.ZodObject) {
    return [
      ...gap,
      ...about,
      `${indent}${key}:`,
      `${indent}  ${Object.keys((meta?.example ?? {}) as object)[0] ?? "newcomers"}:`,
      ...lines(inner.valueType, depth + 2),
    ];
  }
  const text = stringify({ [key]: meta?.example }, { lineWidth: 0 }).trimEnd();
  return [...gap, ...about, ...text.split("\n").map((line) => indent + line)];
}
