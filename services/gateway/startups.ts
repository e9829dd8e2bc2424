/** MaxStartups: how many connections may be unauthenticated at one time, and random early drop before the hard stop. */

/** `start:rate:full` as in sshd_config(5): from `start` on, refuse `rate` percent, rising linearly to all at `full`. */
export interface MaxStartups {
  start: number;
  rate: number;
  full: number;
}

/**
 * Whether to drop one more unauthenticated connection.
 *
 * @param unauthenticated Connections that have not authenticated yet, without the new one
 * @param random A number in [0, 1)
 */
export function dropsStartup(unauthenticated: number, limit: MaxStartups, random: number): boolean {
  if (unauthenticated < limit.start) return false;
  if (unauthenticated >= limit.full) return true;
  if (limit.rate >= 100) return true;
  const slope = (100 - limit.rate) / (limit.full - limit.start);
  const percent = limit.rate + slope * (unauthenticated - limit.start);
  return random * 100 < percent;
}
