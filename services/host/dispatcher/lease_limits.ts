/** The end of a lease by the roles of whoever has it: after so long, or after so long without a byte. */

import type { Limits } from "../../../shared/protocol/worker.ts";
import type { Problem } from "../../../shared/protocol/problems.ts";

/**
 * @param activeAt When bytes came or went last, by performance.now()
 * @param end Called at most once
 */
export function limitLease(
  { idleTimeoutMs, ttlMs }: Limits,
  activeAt: () => number,
  end: (problem: Problem) => void,
): Disposable {
  const openedAt = performance.now();
  const timers = new Map<Problem, ReturnType<typeof setTimeout>>();
  const stop = () => timers.forEach((timer) => clearTimeout(timer));
  const endBy = (problem: Problem) => {
    stop();
    end(problem);
  };
  const lookAfter = (ms: number) =>
    timers.set(
      "idle-timeout",
      setTimeout(() => {
        const leftMs = Math.max(openedAt, activeAt()) + idleTimeoutMs - performance.now();
        if (leftMs <= 0) endBy("idle-timeout");
        else lookAfter(leftMs);
      }, ms),
    );
  if (ttlMs > 0) timers.set("session-expired", setTimeout(() => endBy("session-expired"), ttlMs));
  if (idleTimeoutMs > 0) lookAfter(idleTimeoutMs);
  return { [Symbol.dispose]: stop };
}
