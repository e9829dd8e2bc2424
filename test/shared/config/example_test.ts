import assert from "node:assert/strict";
import { z } from "zod";
import { exampleText } from "../../../shared/config/example.ts";
import { parseConfig } from "../../../shared/config/load.ts";
import { schema } from "../../../shared/config/schema.ts";
import { unwrapped } from "../../../shared/config/structure.ts";

const file = new URL("../../../examples/sallyport.yaml", import.meta.url);

/** Every key below a schema with the schema it stands for. */
function* keys(at: z.core.$ZodType, path: string[] = []): Iterable<[string, z.ZodType]> {
  const inner = unwrapped(at);
  if (inner instanceof z.ZodArray) yield* keys(inner.element, path);
  else if (inner instanceof z.ZodRecord) yield* keys(inner.valueType, [...path, "*"]);
  else if (inner instanceof z.ZodObject) {
    for (const [key, value] of Object.entries(inner.shape as Record<string, z.ZodType>)) {
      yield [[...path, key].join("."), value];
      yield* keys(value, [...path, key]);
    }
  }
}

Deno.test("examples/sallyport.yaml is what the schema says; `deno run -A examples/generate.ts` renews it", () => {
  assert.equal(Deno.readTextFileSync(file), exampleText());
});

Deno.test("exampleText() is itself an acceptable configuration", () => {
  const config = parseConfig(exampleText(), "examples/sallyport.yaml");
  assert.equal(config.gateway?.MaxStartups.full, 500);
  assert.equal(config.users[0]?.name, "operator");
});

Deno.test("exampleText() holds every key of the schema under its description", () => {
  const text = exampleText();
  let count = 0;
  for (const [path, value] of keys(schema)) {
    if (path === "teleport" || path.startsWith("teleport.")) continue;
    count++;
    const about = value.meta()?.description ?? (unwrapped(value) as z.ZodType).meta()?.description;
    assert.ok(about, `${path} has no description`);
    const key = path.split(".").at(-1);
    assert.match(text, new RegExp(`^ *(- )?${key}:`, "m"));
    assert.ok(text.includes(`# ${about}`), `${path} is not explained`);
  }
  assert.ok(count > 50, `only ${count} keys were found`);
});
