/** Running `deno test` and counting what it says. */

export interface Outcome {
  passed: number;
  failed: number;
}

/** Reads the summary line of `deno test`, such as `FAILED | 3 passed (2 steps) | 1 failed | 0 ignored (4s)`. */
export function readSummary(output: string): Outcome | null {
  const [line] = output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm).toArray().slice(-1);
  return line ? { passed: Number(line[1]), failed: Number(line[2]) } : null;
}

/** Runs `deno test` with its output passed through. A run that ends without a summary counts as one failure. */
export async function denoTest(args: string[], options: { deadlineMs: number }): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-prompt", "--no-check", ...args],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    console.error(`The tests ran longer than ${options.deadlineMs / 60_000} minutes and were ended`);
    child.kill("SIGKILL");
  }, options.deadlineMs);
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-10_000);
  }
  const { success } = await child.status;
  clearTimeout(deadline);
  const outcome = readSummary(tail) ?? { passed: 0, failed: 1 };
  if ((!success || late) && outcome.failed === 0) outcome.failed = 1;
  return outcome;
}
