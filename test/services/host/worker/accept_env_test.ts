import assert from "node:assert/strict";
import { isAcceptedVariable } from "../../../../services/host/worker/accept_env.ts";

Deno.test("isAcceptedVariable() matches whole names with * and ?", () => {
  const table: [name: string, pattern: string, accepted: boolean][] = [
    ["LANG", "LANG", true],
    ["LANGUAGE", "LANG", false],
    ["LC_ALL", "LC_*", true],
    ["LC_", "LC_*", true],
    ["XLC_ALL", "LC_*", false],
    ["LC1", "LC?", true],
    ["LC", "LC?", false],
    ["ANY", "*", true],
    ["A_B_C", "*_B_*", true],
    ["A_B_C", "*_D_*", false],
    ["lang", "LANG", false],
    ["AXB", "A.B", false],
  ];
  for (const [name, pattern, accepted] of table) {
    assert.equal(isAcceptedVariable(name, [pattern]), accepted, `${name} by ${pattern}`);
  }
});

Deno.test("isAcceptedVariable() accepts nothing when there are no patterns", () => {
  assert.equal(isAcceptedVariable("LANG", []), false);
});
