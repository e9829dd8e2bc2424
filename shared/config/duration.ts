/** Spans of time as sshd_config(5) "TIME FORMATS" writes them: 600, 10m, 1h30m. */

const unitMs: Record<string, number> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Longest span accepted; beyond it a JavaScript timer (a signed 32-bit count of milliseconds) would fire at once. */
export const maxDurationMs = 0x7fff_ffff;

/** Milliseconds, or `null` when `text` is no span of time. A bare number counts seconds. */
export function parseDuration(text: string): number | null {
  if (!/^(\d+[smhdw]?)+$/i.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw]?)/gi)) {
    total += Number(count) * (unitMs[unit?.toLowerCase() || "s"] ?? 0);
  }
  return total <= maxDurationMs ? total : null;
}
