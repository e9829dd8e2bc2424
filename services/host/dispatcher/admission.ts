/**
 * How many logins go through at one time, and who waits: a hundred at once all get in, a flood does not. People who have
 * been asked something take their time without taking anybody's turn, and one login whose PAM stack hangs takes no more
 * than its share of the places.
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
/** Requests that may wait, for each that may be in PAM. */
const waitingPerOpening = 8;
/** What one login may have of the places in PAM, and of the queue: people share logins, but never all of them. */
const loginShare = 0.5;

/** A request whose turn it is; {@link answered} and {@link decided} must follow once each. */
export interface Turn {
  /** The worker has answered the gateway, or never will. */
  answered(): void;
  /**
   * PAM waits for a person; {@link thought} must follow.
   *
   * @param source Address of the SSH client
   * @returns `false` if too many do; the login has to end then
   */
  thinks(source: string): boolean;
  /** The person has answered or left: their login goes on at once, since PAM is in the middle of it. */
  thought(source: string): void;
  /** PAM has decided, or never will. */
  decided(): void;
}

interface Waiting {
  login: string;
  since: number;
  begin: (turn: Turn) => void;
  turnAway: () => void;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #queue: Waiting[] = [];
  /** People who think, by address. */
  readonly #asked = new Tally();
  /** Leases in PAM, by login. */
  readonly #opening = new Tally();
  #starting = 0;
  #isAdmitting = false;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /**
   * Calls `begin` when it is this request's turn, perhaps at once. Or calls `turnAway` when its turn came too late.
   *
   * @param login Whose account is asked for
   * @returns `false` if too many wait; nothing is called then
   */
  ask(login: string, begin: (turn: Turn) => void, turnAway: () => void): boolean {
    const room = waitingPerOpening * this.#limits.maxOpening;
    const ownWaiting = this.#queue.filter((waiting) => waiting.login === login).length;
    if (this.#queue.length >= room || ownWaiting >= shareOf(room)) return false;
    this.#queue.push({ login, since: performance.now(), begin, turnAway });
    this.#admit();
    return true;
  }

  #turnOf(login: string): Turn {
    return {
      answered: () => {
        this.#starting--;
        this.#admit();
      },
      thinks: (source) => {
        const { maxOpening } = this.#limits;
        if (this.#asked.inAll >= askedPerOpening * maxOpening) return false;
        if (this.#asked.of(source) >= askedPerOpeningAndSource * maxOpening) return false;
        this.#asked.add(source, 1);
        this.#opening.add(login, -1);
        this.#admit();
        return true;
      },
      thought: (source) => {
        this.#asked.add(source, -1);
        this.#opening.add(login, 1);
      },
      decided: () => {
        this.#opening.add(login, -1);
        this.#admit();
      },
    };
  }

  #admit(): void {
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    try {
      this.#turnAwayTheLate();
      this.#admitWhileRoom();
    } finally {
      this.#isAdmitting = false;
    }
  }

  #turnAwayTheLate(): void {
    const now = performance.now();
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      if (now - first.since <= this.#limits.maxWaitMs) return;
      this.#queue.shift();
      first.turnAway();
    }
  }

  #admitWhileRoom(): void {
    const { maxOpening, maxStarting } = this.#limits;
    while (this.#opening.inAll < maxOpening && this.#starting < maxStarting) {
      const index = this.#queue.findIndex(({ login }) => this.#opening.of(login) < shareOf(maxOpening));
      const [next] = index < 0 ? [] : this.#queue.splice(index, 1);
      if (!next) break;
      this.#opening.add(next.login, 1);
      this.#starting++;
      next.begin(this.#turnOf(next.login));
    }
  }
}

function shareOf(places: number): number {
  return Math.max(1, Math.floor(places * loginShare));
}

/** How many there are of each name, and in all; names without any take no memory. */
class Tally {
  readonly #counts = new Map<string, number>();
  #inAll = 0;

  get inAll(): number {
    return this.#inAll;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, count: number): void {
    this.#inAll += count;
    const now = this.of(name) + count;
    if (now === 0) this.#counts.delete(name);
    else this.#counts.set(name, now);
  }
}
