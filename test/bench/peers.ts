/** The two that are compared. */

import type { Sallyport } from "../support/sallyport.ts";
import type { SshTarget } from "../support/ssh.ts";
import type { Sshd } from "../support/sshd.ts";

export interface Peers {
  sallyport: Sallyport;
  sshd: Sshd;
  /** The PAM stack of both. */
  stack: string;
  /** An account both know. */
  login: string;
  /** How often each is measured. */
  rounds: number;
}

export interface Pair<T> {
  ours: T;
  theirs: T;
}

/** Measures both in turn, `rounds` times; the order changes every round. */
export async function interleaved<T>(
  { sallyport, sshd, rounds }: Peers,
  measure: (target: SshTarget) => Promise<T>,
): Promise<Pair<T[]>> {
  const found: Pair<T[]> = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    const order = [["ours", sallyport], ["theirs", sshd]] as const;
    for (const [whose, target] of round % 2 === 0 ? order : order.toReversed()) {
      found[whose].push(await measure(target));
    }
  }
  return found;
}

/** The value below which a share of all values lies; `0.5` is the median. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** Milliseconds `action` takes. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}
