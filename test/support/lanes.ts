/** Which end-to-end tests run side by side, each lane in namespaces of its own. */

/**
 * Tests that measure time, or load the machine so that others would measure it. They run alone, after the others.
 *
 * By file name: what they measure.
 */
export const alone: Readonly<Record<string, string>> = {
  "backpressure_test.ts": "what piles up in memory while nobody reads",
  "bulk_test.ts": "hundreds of megabytes, as fast as they go",
};

/** Two processors are what the tests are given; each lane leaves its own idle half of the time. */
const laneCount = 2;

/**
 * Deals `files` out in turn, by name, so that the same files always make the same lanes.
 *
 * @returns Lanes to run side by side, and then what has to run alone
 */
export function lanesOf(files: readonly string[]): { sideBySide: string[][]; alone: string[] } {
  const isAlone = (file: string) => file.slice(file.lastIndexOf("/") + 1) in alone;
  const shared = files.filter((file) => !isAlone(file)).sort();
  return {
    sideBySide: Array.from(
      { length: laneCount },
      (_, lane) => shared.filter((_, index) => index % laneCount === lane),
    ).filter((lane) => lane.length > 0),
    alone: files.filter(isAlone).sort(),
  };
}
