/** In which order a child has to copy its descriptors into place. */

/**
 * The dup2 calls after which fd i is what `descriptors[i]` was, whatever the overlap.
 *
 * A source that would be overwritten before its turn is first copied to a number that nobody uses (`spare`).
 * A descriptor copied onto itself only loses its close-on-exec mark (glibc 2.29).
 */
export function planDescriptors(descriptors: readonly number[]): {
  steps: { from: number; to: number }[];
  spare: number[];
} {
  const count = descriptors.length;
  const copies = new Map<number, number>();
  let free = count;
  for (const from of descriptors) {
    const overwritten = from < count && descriptors[from] !== from;
    if (!overwritten || copies.has(from)) continue;
    while (descriptors.includes(free)) free++;
    copies.set(from, free++);
  }
  const steps = [...copies].map(([from, to]) => ({ from, to }));
  for (const [to, from] of descriptors.entries()) steps.push({ from: copies.get(from) ?? from, to });
  return { steps, spare: [...copies.values()] };
}
