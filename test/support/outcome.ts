/** Running `deno test` in namespaces of its own, and counting what it says. */

import { runInNamespace } from "./namespace.ts";

export interface Outcome {
  passed: number;
  failed: number;
}

/** The summary stands in the last lines. */
const tailLength = 10_000;

/** Reads the summary line of `deno test`, such as `FAILED | 3 passed (2 steps) | 1 failed | 0 ignored (4s)`. */
export function readSummary(output: string): Outcome | null {
  const [line] = output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm).toArray().slice(-1);
  return line ? { passed: Number(line[1]), failed: Number(line[2]) } : null;
}

/** What a run comes to. One that ends without a summary, or badly with a good one, counts as one failure. */
export function outcomeOf(output: string, code: number): Outcome {
  const outcome = readSummary(output) ?? { passed: 0, failed: 1 };
  return code !== 0 && outcome.failed === 0 ? { ...outcome, failed: 1 } : outcome;
}

/**
 * Runs `deno test` with `args` inside fresh namespaces.
 *
 * @param write Gets the output as it comes
 * @param signal Ends the run, which has failed then
 */
export async function denoTest(
  args: string[],
  { write, signal }: { write: (bytes: Uint8Array) => void; signal: AbortSignal },
): Promise<Outcome> {
  let tail = "";
  const decoder = new TextDecoder();
  const code = await runInNamespace([Deno.execPath(), "test", "-A", "--no-prompt", "--no-check", ...args], {
    signal,
    onOutput: (bytes) => {
      write(bytes);
      tail = (tail + decoder.decode(bytes, { stream: true })).slice(-tailLength);
    },
  }).catch((cause) => {
    console.error("Cannot run tests:", cause);
    return null;
  });
  return code === null ? { passed: 0, failed: 1 } : outcomeOf(tail, code);
}
