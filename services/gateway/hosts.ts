/** The hosts this gateway has heard of: their boot id, their clock, and whether they still live. */

import type { Bus } from "../../shared/bus/bus.ts";
import { decodeHostHeartbeat, type HostHeartbeat } from "../../shared/protocol/lease.ts";
import { isPrompt } from "../../shared/bus/prompt.ts";
import {
  heartbeatIntervalMs,
  heartbeatTimeoutMs,
  maxEnvelopeBytes,
  silenceCheckMs,
} from "../../shared/protocol/limits.ts";
import { allHostHeartbeats } from "../../shared/protocol/subjects.ts";
import { openEnvelope } from "../../shared/trust/envelope.ts";
import { type Credential, isRevoked, type Trust } from "../../shared/trust/identity.ts";

/** What the last heartbeat of a host said. */
export interface HostState
  extends Pick<HostHeartbeat, "boot" | "version" | "leases" | "load" | "draining" | "labels"> {
  name: string;
  /**
   * The host's clock minus `performance.now()`, milliseconds: requests expire in the host's clock, and neither steps.
   */
  clockOffsetMs: number;
  /** `performance.now()` when it was heard. */
  heardAt: number;
  /** Who signed it. */
  credential: Credential;
}

interface Waiter {
  host: string;
  notBoot: string | undefined;
  resolve: (state: HostState | null) => void;
}

/** By then everybody who lives has beaten once, even with half a heartbeat's delay. */
const hearingMs = heartbeatIntervalMs * 1.5;

/** A dead host is known to whoever looks once a second, as this does, within the time of three heartbeats. */
const silentAfterMs = heartbeatTimeoutMs - 2 * silenceCheckMs;

/** Listens to signed heartbeats. Unsigned, wrongly signed and stale ones change nothing. */
export class Hosts implements Disposable {
  readonly #states = new Map<string, HostState>();
  readonly #latest = new Map<string, number>();
  /** Hosts that have fallen silent, as they were last heard: they may only be cut off, and come back. */
  readonly #silent = new Map<string, HostState>();
  readonly #waiters = new Set<Waiter>();
  readonly #subscription: { unsubscribe(): void };
  readonly #sweep: ReturnType<typeof setInterval>;
  readonly #unwatch: () => void;
  readonly #bus: Bus;
  /** Since when everybody who beats is heard. */
  #listeningSince: number;
  readonly #now: () => number;
  #onRestarted: (host: string) => void = () => {};
  #onRevocations: (host: string, serial: number) => void = () => {};

  /** @param now In place of `performance.now()`, for tests */
  constructor(bus: Bus, readonly trust: Trust, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#listeningSince = now();
    this.#bus = bus;
    this.#unwatch = bus.onState(() => this.#listeningSince = this.#now());
    this.#subscription = bus.subscribe(allHostHeartbeats, ({ data }) => this.#heard(data));
    this.#sweep = setInterval(async () => {
      // While our own connection is away nobody can be heard; that is not the hosts' silence.
      if (await isPrompt(bus)) return this.#dropSilent();
      for (const state of this.#states.values()) state.heardAt = this.#now();
    }, silenceCheckMs);
  }

  /** Calls back when a host reports another boot id: every lease on it is gone. */
  onRestarted(listener: (host: string) => void): void {
    this.#onRestarted = listener;
  }

  /** Calls back when a heartbeat of `host` says which list of revoked members it knows. */
  onRevocations(listener: (host: string, serial: number) => void): void {
    this.#onRevocations = listener;
  }

  /** Forgets who is trusted no more. */
  dropRevoked(): void {
    for (const { name, credential } of this.#states.values()) {
      if (isRevoked(credential, this.trust)) this.#states.delete(name);
    }
  }

  /**
   * The state of `host`, waiting up to a heartbeat for one that could not be heard yet: one that never was when
   * everybody has had the time to be heard is not there.
   *
   * @param options.notBoot A boot id known to be stale: wait for another
   */
  find(host: string, options: { notBoot?: string } = {}): Promise<HostState | null> {
    const known = this.#states.get(host);
    if (known && known.boot !== options.notBoot) return Promise.resolve(known);
    const waitMs = known ? hearingMs : this.#untilAllAreHeardMs();
    if (waitMs <= 0) return Promise.resolve(null);
    const { promise, resolve } = Promise.withResolvers<HostState | null>();
    const waiter: Waiter = { host, notBoot: options.notBoot, resolve };
    this.#waiters.add(waiter);
    const timer = setTimeout(() => this.#settle(waiter, null), waitMs);
    return promise.finally(() => clearTimeout(timer));
  }

  /** The state of `host` when it was last heard, however long ago. */
  lastHeard(host: string): HostState | null {
    return this.#states.get(host) ?? this.#silent.get(host) ?? null;
  }

  /** Names of all that live, sorted. */
  get names(): string[] {
    return [...this.#states.keys()].sort();
  }

  /** All that live, by name. */
  all(): HostState[] {
    return this.names.map((name) => this.#states.get(name)!);
  }

  /** Those that have fallen silent, by name. */
  silent(): HostState[] {
    return [...this.#silent.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** How long ago a host was last heard that has fallen silent, milliseconds; 0 for every other. */
  silentMs(host: string): number {
    const last = this.#silent.get(host);
    return last ? this.#now() - last.heardAt : 0;
  }

  #untilAllAreHeardMs(): number {
    if (this.#bus.state !== "up") return hearingMs;
    return this.#listeningSince + hearingMs - this.#now();
  }

  #settle(waiter: Waiter, state: HostState | null): void {
    if (this.#waiters.delete(waiter)) waiter.resolve(state);
  }

  #heard(data: Uint8Array): void {
    if (data.length > maxEnvelopeBytes) return;
    let beat, credential;
    try {
      const opened = openEnvelope(data, this.trust, "host", "host.heartbeat.v1");
      credential = opened.credential;
      beat = decodeHostHeartbeat(opened.body);
      if (beat.host !== credential.name) return;
    } catch {
      return; // Not from a host we trust: as if it had never been sent.
    }
    // A replayed heartbeat would bring back an old boot id or an old clock.
    if (beat.at <= (this.#latest.get(beat.host) ?? 0)) return;
    this.#latest.set(beat.host, beat.at);
    const before = this.#states.get(beat.host) ?? this.#silent.get(beat.host);
    this.#silent.delete(beat.host);
    const state: HostState = {
      ...beat,
      name: beat.host,
      clockOffsetMs: beat.at - this.#now(),
      heardAt: this.#now(),
      credential,
    };
    this.#states.set(beat.host, state);
    this.#onRevocations(beat.host, beat.revocations);
    if (before && before.boot !== beat.boot) this.#onRestarted(beat.host);
    for (const waiter of this.#waiters) {
      if (waiter.host === beat.host && waiter.notBoot !== beat.boot) this.#settle(waiter, state);
    }
  }

  #dropSilent(): void {
    for (const state of this.#states.values()) {
      if (this.#now() - state.heardAt <= silentAfterMs) continue;
      this.#states.delete(state.name);
      // A restart whose clock has stepped back looks like a replay; after a silence it may start anew.
      this.#latest.delete(state.name);
      this.#silent.set(state.name, state);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe();
    this.#unwatch();
    clearInterval(this.#sweep);
    for (const waiter of this.#waiters) this.#settle(waiter, null);
  }
}

/** A person is told about so many hosts at most. */
const maxHostsTold = 20;

/** Names of hosts in a sentence. */
export function namesText(names: string[]): string {
  const more = names.length > maxHostsTold ? ` and ${names.length - maxHostsTold} more` : "";
  return `${names.slice(0, maxHostsTold).join(", ")}${more}`;
}
