/** Whether somebody's silence on the bus means anything: one that hangs, or is cut off, brings nobody's heartbeats. */

import type { Bus } from "./bus.ts";

/** A bus that takes longer for a round trip has not been there in between. */
const promptMs = 1_000;

/**
 * Asks the bus for a sign of life.
 *
 * @returns Whether it came at once; later, it comes with what has piled up, and whoever listens must listen anew
 */
export async function isPrompt(bus: Bus): Promise<boolean> {
  const askedAt = performance.now();
  try {
    await bus.flush();
  } catch {
    return false;
  }
  return performance.now() - askedAt < promptMs;
}
