/** Waiting for a condition. The only place of the tests that may sleep. */

export interface WaitOptions {
  /** @default {10_000} */
  timeoutMs?: number;
  /** Pause between two looks. @default {20} */
  everyMs?: number;
}

/** Resolves after `ms`; for measuring over a span of time, never for hoping that something is done by then. */
export function span(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Looks until `look` gives something true, and returns that.
 *
 * @param what What is waited for, for the error
 * @param look May throw; that counts as not yet, and ends up as the cause of the error
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | "">> {
  const { timeoutMs = 10_000, everyMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found) return found as Exclude<T, false | null | undefined | 0 | "">;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Waited ${timeoutMs / 1000} s in vain: ${what}`, cause ? { cause } : {});
    }
    await span(everyMs);
  }
}
