/** How many logins go through at one time, and who waits: a hundred at once all get in, a flood does not. */

export interface AdmissionLimits {
  /** Leases between their start and PAM's decision. */
  maxOpening: number;
  /** Of these, workers that have not answered yet: starting is what costs processor time. */
  maxStarting: number;
  /** Whoever has waited longer is turned away: nobody listens for the answer any more. */
  maxWaitMs: number;
}

interface Waiting {
  since: number;
  begin: () => void;
  turnAway: () => void;
}

/** Requests that may wait, for each that may be in PAM. */
const waitingPerOpening = 8;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #queue: Waiting[] = [];
  #opening = 0;
  #starting = 0;
  #isAdmitting = false;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Calls `begin` when it is this request's turn, perhaps at once; {@link answered} and {@link decided} must follow
   * once each. Or calls `turnAway` when its turn came too late.
   *
   * @returns `false` if too many wait; nothing is called then
   */
  ask(begin: () => void, turnAway: () => void): boolean {
    if (this.#queue.length >= waitingPerOpening * this.#limits.maxOpening) return false;
    this.#queue.push({ since: performance.now(), begin, turnAway });
    this.#admit();
    return true;
  }

  /** The worker has answered the gateway, or never will. */
  answered(): void {
    this.#starting--;
    this.#admit();
  }

  /** PAM has decided, or never will. */
  decided(): void {
    this.#opening--;
    this.#admit();
  }

  #admit(): void {
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    try {
      this.#admitWhileRoom();
    } finally {
      this.#isAdmitting = false;
    }
  }

  #admitWhileRoom(): void {
    while (this.#opening < this.#limits.maxOpening && this.#starting < this.#limits.maxStarting) {
      const next = this.#queue.shift();
      if (!next) break;
      if (performance.now() - next.since > this.#limits.maxWaitMs) {
        next.turnAway();
        continue;
      }
      this.#opening++;
      this.#starting++;
      next.begin();
    }
  }
}
