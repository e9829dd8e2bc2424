import { deepStrictEqual, ok } from "node:assert/strict";
import { alone, lanesOf } from "./lanes.ts";

Deno.test("lanesOf() deals every file into one lane, always the same one", () => {
  const files = ["e2e/c_test.ts", "e2e/a_test.ts", "e2e/bulk_test.ts", "e2e/b_test.ts"];
  const dealt = {
    sideBySide: [["e2e/a_test.ts", "e2e/c_test.ts"], ["e2e/b_test.ts"]],
    alone: ["e2e/bulk_test.ts"],
  };
  deepStrictEqual(lanesOf(files), dealt);
  deepStrictEqual(lanesOf(files.toReversed()), dealt);
});

Deno.test("lanesOf() makes no empty lanes", () => {
  deepStrictEqual(lanesOf(["a_test.ts"]), { sideBySide: [["a_test.ts"]], alone: [] });
});

Deno.test("files that run alone exist", () => {
  const names = [...Deno.readDirSync("test/e2e")].map(({ name }) => name);
  for (const name of Object.keys(alone)) ok(names.includes(name), name);
});
