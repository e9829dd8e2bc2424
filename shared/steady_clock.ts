/**
 * The clock by which heartbeats are dated and requests expire: the wall clock as it was when the process started, and
 * counted on from there.
 *
 * It never steps. A wall clock that is set back would make a request valid again that the replay cache, which counts
 * time as it passes, has long forgotten; and heartbeats would look like old ones, and their sender dead.
 */
export class SteadyClock {
  readonly #offsetMs: number;

  /** @param wallMs Milliseconds since the epoch @param steadyMs Milliseconds of {@link performance.now} */
  constructor(wallMs = Date.now(), steadyMs = performance.now()) {
    this.#offsetMs = wallMs - steadyMs;
  }

  /** Whole milliseconds since the epoch. */
  now(steadyMs = performance.now()): number {
    return Math.round(this.#offsetMs + steadyMs);
  }
}
