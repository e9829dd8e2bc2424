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
   * PAM waits for a person: somebody else may have the place.
   *
   * @param source Address of the SSH client
   * @returns `false` if too many do; the login has to end then
   */
  thinks(source: string): boolean;
  /** The person has answered: `resume` is called when there is a place again, before those who have not begun. */
  goOn(resume: () => void): void;
  /** PAM is done with it, or never will begin. */
  decided(): void;
}

interface Waiting {
  login: string;
  since: number;
  begin: (turn: Turn) => void;
  turnAway: () => void;
}

interface Resuming {
  login: string;
  resume: () => void;
}

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #queue: Waiting[] = [];
  /** Who has answered, and waits for a place. */
  readonly #resuming: Resuming[] = [];
  /** People who think, by address and by login. */
  readonly #asked = new Tally();
  readonly #askedFor = new Tally();
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
    /** What gives up what the turn has now: a place in PAM, leave to think, or a place in the queue. */
    let giveUp = () => this.#opening.add(login, -1);
    return {
      answered: () => {
        this.#starting--;
        this.#admit();
      },
      thinks: (address) => {
        const source = networkOf(address);
        if (!this.#mayThink(login, source)) return false;
        giveUp();
        this.#asked.add(source, 1);
        this.#askedFor.add(login, 1);
        giveUp = () => {
          this.#asked.add(source, -1);
          this.#askedFor.add(login, -1);
        };
        this.#admit();
        return true;
      },
      goOn: (resume) => {
        giveUp();
        const entry: Resuming = {
          login,
          resume: () => {
            giveUp = () => this.#opening.add(login, -1);
            resume();
          },
        };
        giveUp = () => void this.#resuming.splice(this.#resuming.indexOf(entry), 1);
        this.#resuming.push(entry);
        this.#admit();
      },
      decided: () => {
        giveUp();
        giveUp = () => {};
        this.#admit();
      },
    };
  }

  #mayThink(login: string, source: string): boolean {
    const places = askedPerOpening * this.#limits.maxOpening;
    return this.#asked.inAll < places && this.#askedFor.of(login) < shareOf(places) &&
      this.#asked.of(source) < askedPerOpeningAndSource * this.#limits.maxOpening;
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
    const hasPlace = ({ login }: { login: string }) => this.#opening.of(login) < shareOf(maxOpening);
    while (this.#opening.inAll < maxOpening) {
      const resuming = takeFirst(this.#resuming, hasPlace);
      const next = resuming || this.#starting >= maxStarting ? undefined : takeFirst(this.#queue, hasPlace);
      if (resuming) {
        this.#opening.add(resuming.login, 1);
        resuming.resume();
      } else if (next) {
        this.#opening.add(next.login, 1);
        this.#starting++;
        next.begin(this.#turnOf(next.login));
      } else return;
    }
  }
}

function takeFirst<T>(list: T[], test: (item: T) => boolean): T | undefined {
  const index = list.findIndex(test);
  return index < 0 ? undefined : list.splice(index, 1)[0];
}

/** What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits (RFC 4291 §2.5.4). */
function networkOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail ? tail.split(":") : [];
  const zeros = tail === undefined ? [] : Array(Math.max(0, 8 - before.length - after.length)).fill("0");
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
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
