/** Printing something again whenever it has changed. */

import type { CommandContext } from "./command.ts";

/** How often it is looked. */
const lookMs = 1_000;
/** Cursor home, and everything after it erased (ECMA-48 CUP, ED). */
const clearScreen = "\x1b[H\x1b[2J";

/** @param render The text as of now; what depends on the second it is rendered would change for ever */
export async function follow(
  { isTerminal, print, signal }: CommandContext,
  render: () => string | Promise<string>,
): Promise<void> {
  let before: string | null = null;
  while (!signal.aborted) {
    const text = await render();
    if (text !== before) await print(isTerminal ? clearScreen + text : text);
    before = text;
    await pause(lookMs, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
