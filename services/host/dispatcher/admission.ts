/**
 * How many logins go through at one time, and who waits: a hundred at once all get in, a flood does not. People who have
 * been asked something take their time without taking anybody's turn.
 */

export interface AdmissionLimits {
  /** Leases between their start and PAM's decision. */
  maxOpening: number;
  /** Of these, workers that have not answered yet: starting is what costs processor time. */
  maxStarting: number;
  /** Whoever has waited longer is turned away: nobody listens for the answer any more. */
  maxWaitMs: number;
}

/** Questions open at one time, for each login that may be in PAM; and of these for one address. */
const askedPerOpening = 8;
const askedPerOpeningAndSource = 2;

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
  readonly #asked = new Map<string, number>();
  #askedInAll = 0;
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

  /**
   * A login of `source` waits for a person; {@link thought} must follow.
   *
   * @param source Address of the SSH client
   * @returns `false` if too many do; the login has to end then
   */
  thinks(source: string): boolean {
    const { maxOpening } = this.#limits;
    const fromSource = this.#asked.get(source) ?? 0;
    if (this.#askedInAll >= askedPerOpening * maxOpening) return false;
    if (fromSource >= askedPerOpeningAndSource * maxOpening) return false;
    this.#asked.set(source, fromSource + 1);
    this.#askedInAll++;
    this.#opening--;
    this.#admit();
    return true;
  }

  /** The person has answered or left: their login goes on at once, since PAM is in the middle of it. */
  thought(source: string): void {
    const fromSource = (this.#asked.get(source) ?? 1) - 1;
    if (fromSource === 0) this.#asked.delete(source);
    else this.#asked.set(source, fromSource);
    this.#askedInAll--;
    this.#opening++;
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
