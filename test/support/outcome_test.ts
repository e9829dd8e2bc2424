import { deepStrictEqual } from "node:assert/strict";
import { outcomeOf, readSummary } from "./outcome.ts";

Deno.test("readSummary() reads passed and failed, with and without steps", () => {
  deepStrictEqual(readSummary("\nok | 12 passed (3 steps) | 0 failed (2s)\n"), { passed: 12, failed: 0 });
  deepStrictEqual(readSummary("\nFAILED | 3 passed | 1 failed | 2 ignored (52ms)\n"), {
    passed: 3,
    failed: 1,
  });
});

Deno.test("readSummary() takes the last summary, for tests may print one too", () => {
  deepStrictEqual(readSummary("ok | 1 passed | 0 failed (1s)\nFAILED | 0 passed | 2 failed (1s)\n"), {
    passed: 0,
    failed: 2,
  });
});

Deno.test("readSummary() gives null for a run that crashed", () => {
  deepStrictEqual(readSummary("error: Uncaught SyntaxError\n"), null);
});

Deno.test("outcomeOf() fails a run that was killed, and one that ends badly after a good summary", () => {
  deepStrictEqual(outcomeOf("running 3 tests from ./a_test.ts\n", 137), { passed: 0, failed: 1 });
  deepStrictEqual(outcomeOf("ok | 3 passed | 0 failed (1s)\n", 1), { passed: 3, failed: 1 });
  deepStrictEqual(outcomeOf("ok | 3 passed | 0 failed (1s)\n", 0), { passed: 3, failed: 0 });
  deepStrictEqual(outcomeOf("FAILED | 3 passed | 2 failed (1s)\n", 1), { passed: 3, failed: 2 });
});
