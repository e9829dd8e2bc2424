/** A program on a terminal that may outlive the connection it came by, and be taken up by another. */

import type { SessionInfo, WindowSize } from "../../../shared/protocol/channel.ts";
import type { SignalName } from "../../../shared/protocol/names.ts";
import type { LeaseLink } from "../../../shared/stream/link.ts";
import type { Channel } from "./channel.ts";
import type { Terminal } from "./terminal.ts";

/** Whose sessions they are. */
export interface Person {
  /** As the gateway knows them, and as the host does after PAM. */
  user: string;
  login: string;
  /** Address of the client. */
  from: string;
}

/** A connection that shows a session. */
export interface Viewer {
  /** Another one shows it now. */
  taken(session: Session): void;
}

export interface SessionOptions {
  /** Pid of its first process: short, and nobody else's while it lives. */
  id: number;
  person: Person;
  channel: Channel;
  terminal: Terminal;
  /** The connection it comes by, if that is there. */
  viewer: Viewer | null;
  /** How long ago it began, milliseconds. */
  ageMs?: number;
  detachMs: number;
  /** Its connection is lost. */
  onDetached: () => void;
  signal: (signal: SignalName) => void;
  /** Ends it, as an orderly client would. */
  hangUp: () => void;
}

export class Session {
  readonly id: number;
  readonly person: Person;
  readonly #options: SessionOptions;
  readonly #beganAt: number;
  #viewer: Viewer | null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SessionOptions) {
    const { id, person, viewer, ageMs = 0, detachMs } = options;
    this.id = id;
    this.person = person;
    this.#options = options;
    this.#beganAt = performance.now() - ageMs;
    this.#viewer = viewer;
    if (!viewer) this.#wait(detachMs);
  }

  get viewer(): Viewer | null {
    return this.#viewer;
  }

  get isLive(): boolean {
    return this.#options.channel.isRunning;
  }

  get info(): SessionInfo {
    const { person: { login, from }, terminal } = this.#options;
    const now = performance.now();
    const ageMs = Math.round(now - this.#beganAt);
    return {
      id: this.id,
      login,
      from,
      ageMs,
      idleMs: Math.min(ageMs, Math.round(now - terminal.activeAt)),
      attached: this.#viewer !== null,
    };
  }

  /** Shows it to `viewer`, on stream `number` of `link`, and no longer to whoever had it. */
  show(viewer: Viewer, link: LeaseLink, number: number, size: WindowSize): void {
    clearTimeout(this.#timer);
    const before = this.#viewer;
    this.#viewer = viewer;
    this.#options.channel.attach(link, number);
    this.#options.terminal.repaint(size);
    before?.taken(this);
  }

  /** Its connection is lost: it waits for another one, for so long. */
  detach(): void {
    this.#viewer = null;
    this.#options.channel.detach();
    this.#wait(this.#options.detachMs);
    this.#options.onDetached();
  }

  resize(size: WindowSize): void {
    this.#options.terminal.resize(size);
  }

  signal(signal: SignalName): void {
    this.#options.signal(signal);
  }

  hangUp(): void {
    this.#options.hangUp();
  }

  /** It is over. */
  ended(): void {
    clearTimeout(this.#timer);
    this.#viewer = null;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.hangUp(), ms);
  }
}
