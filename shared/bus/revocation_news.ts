/** How the list of revoked members gets around: whoever sees another one behind says it again, and all take the newest. */

import { heartbeatIntervalMs, heartbeatTimeoutMs, maxRevocationsBytes } from "../protocol/limits.ts";
import { revocationsSubject } from "../protocol/subjects.ts";
import { TrustError } from "../trust/identity.ts";
import { claimedSerial, type FleetTrust, openRevocations, type Revocations } from "../trust/revocations.ts";
import type { Bus } from "./bus.ts";

/**
 * Where one is behind, many know better: each waits up to this long and says nothing when another has. A fleet of
 * thousands would else answer with thousands of lists.
 */
const maxWaitMs = 2_000;

export interface RevocationNewsOptions {
  bus: Bus;
  trust: FleetTrust;
  /** `trust` has a newer list: from the bus, or from {@link RevocationNews.tell}. */
  onNewer: (list: Revocations) => void;
  /** `member` knows a list that the bus has not brought in all the time since: somebody may hold it back. */
  onWithheld: (member: string, serial: number) => void;
  /** In place of `performance.now()`, for tests. */
  now?: () => number;
}

export class RevocationNews implements Disposable {
  readonly #options: RevocationNewsOptions;
  readonly #stop: () => void;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #saidAt = -Infinity;
  /** The highest number heard of that did not come, and since when. */
  #missing = { serial: 0, since: 0, isTold: false };

  constructor(options: RevocationNewsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    const subscription = options.bus.subscribe(revocationsSubject, ({ data }) => this.#heard(data));
    this.#stop = () => subscription.unsubscribe();
  }

  /** An authentic heartbeat of `member` says which list it has. */
  memberHas(member: string, serial: number): void {
    const { trust, onWithheld } = this.#options;
    if (serial < trust.serial) return this.#sayLater();
    if (serial === trust.serial) return;
    const now = this.#now();
    if (serial !== this.#missing.serial) this.#missing = { serial, since: now, isTold: false };
    if (this.#missing.isTold || now - this.#missing.since < heartbeatTimeoutMs) return;
    this.#missing.isTold = true;
    onWithheld(member, serial);
  }

  /** A list that came in another way than over the bus. */
  tell(list: Revocations): void {
    this.#adopt(list);
    if (list.serial === this.#options.trust.serial) this.#say();
  }

  #heard(data: Uint8Array): void {
    if (data.length > maxRevocationsBytes) return;
    const { trust } = this.#options;
    const line = new TextDecoder().decode(data);
    try {
      const serial = claimedSerial(line);
      // Somebody was faster.
      if (serial === trust.serial) this.#sayNothing();
      if (serial <= trust.serial) return;
      this.#adopt(openRevocations(line, trust.fleetKey));
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      // Forged or damaged: as if it had never been sent.
    }
  }

  #adopt(list: Revocations): void {
    if (this.#options.trust.adopt(list)) this.#options.onNewer(list);
  }

  #sayLater(): void {
    if (this.#timer !== null || this.#now() - this.#saidAt < heartbeatIntervalMs) return;
    this.#timer = setTimeout(() => this.#say(), Math.random() * maxWaitMs);
  }

  #say(): void {
    this.#sayNothing();
    const { bus, trust } = this.#options;
    if (trust.latest === null) return;
    this.#saidAt = this.#now();
    bus.publish(revocationsSubject, new TextEncoder().encode(trust.latest.line));
  }

  #sayNothing(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#sayNothing();
  }
}
