/** The channels of a lease whose worker starts their processes. */

import type { Poller } from "../../../ffi/epoll.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type {
  ChannelExit,
  ChannelMessage,
  ChannelOpen,
  ChannelRequest,
  HostMessage,
  WindowSize,
} from "../../../shared/protocol/channel.ts";
import type { LeaseLink } from "../../../shared/stream/link.ts";
import { Channel } from "./channel.ts";
import { type Person, Session, type Viewer } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** Far more than any client opens; each may hold three descriptors. */
const maxLiveChannels = 100;
const nothing = new Uint8Array();
/** How a terminal ends a line, and a pipe. */
export type Newline = "\r\n" | "\n";
/** In place of a ring that is gone. */
const lostText = new TextEncoder().encode(
  "[sallyport: what was on this terminal before was lost when the host's service restarted]\r\n",
);
/** Until somebody looks at it again nobody knows. */
const unknownSize: WindowSize = { columns: 0, rows: 0, widthPx: 0, heightPx: 0 };

export interface OwnChannelsOptions {
  poller: Poller;
  person: Person;
  sessions: Sessions;
  /** How long a terminal outlives its connection; 0: not at all. */
  detachMs: number;
  /** Channels that may live at one time, by the person's roles; 0: as many as anybody's. */
  maxSessions: number;
  /** To the gateway, while there is one. */
  send: (message: HostMessage) => void;
  /** To the worker. */
  tell: (request: ChannelRequest) => void;
  onError: (cause: unknown) => void;
  /** What had outlived the connection is over too. */
  onEmpty: () => void;
}

interface Own {
  channel: Channel;
  /** Once it runs on a terminal. */
  session: Session | null;
}

export class OwnChannels implements Viewer {
  readonly #options: OwnChannelsOptions;
  /** `null` when the connection is gone. */
  #link: LeaseLink | null;
  readonly #channels = new Map<number, Own>();

  constructor(options: OwnChannelsOptions, link: LeaseLink | null) {
    this.#options = options;
    this.#link = link;
  }

  /** What the gateway asks of a channel. Of one that another connection has taken it has nothing to ask. */
  onMessage(message: ChannelMessage): void {
    if (message.type === "channel.open") return this.#open(message);
    const own = this.#shown(message.channel);
    if (!own) return;
    switch (message.type) {
      case "channel.resize":
        return own.channel.terminal?.resize(message.size);
      case "channel.signal":
        if (own.channel.isLive) this.#options.tell(message);
        return;
      case "channel.close":
        return this.#hangUp(message.channel);
      default:
        return message satisfies never;
    }
  }

  /** The process of `channel` runs; `notice` gives what its shell's person is to read first. */
  opened(number: number, pid: number, descriptors: number[], notice: (newline: Newline) => Uint8Array): void {
    const own = this.#channels.get(number);
    if (!own) return descriptors.forEach(closeDescriptor);
    const { channel } = own;
    this.#options.send({ type: "channel.opened", channel: number });
    const text = channel.isShell ? notice(channel.terminal ? "\r\n" : "\n") : nothing;
    channel.opened(descriptors, text);
    own.session = this.#session(number, channel, pid);
  }

  /** The process of `channel` could not be started. */
  failed(number: number): void {
    this.#forget(number);
  }

  exited(number: number, exit: ChannelExit): void {
    this.#channels.get(number)?.channel.exited(exit);
  }

  /** The process `pid` on the terminal `pty` has outlived the dispatcher that had it. */
  kept(number: number, pid: number, ageMs: number, pty: number): void {
    const channel = this.#channel(number, true, unknownSize);
    const own: Own = { channel, session: null };
    this.#channels.set(number, own);
    channel.opened([pty], lostText);
    own.session = this.#session(number, channel, pid, ageMs);
  }

  /**
   * The connection is gone: in good order, and its processes with it; or cut, and its terminals wait for another.
   *
   * @returns Whether any of them lives on
   */
  leave(isOrderly: boolean): boolean {
    const mayWait = !isOrderly && this.#options.detachMs > 0;
    const lives = ({ session }: Own) => session?.isLive && (mayWait || session.viewer !== this);
    this.#link = null;
    if (![...this.#channels.values()].some(lives)) return false;
    for (const [number, own] of [...this.#channels]) {
      if (!lives(own)) this.#hangUp(number);
      else if (own.session?.viewer === this) own.session.detach();
    }
    return true;
  }

  /** When bytes came or went last on any channel, by performance.now(); 0 without one. */
  get activeAt(): number {
    return Math.max(0, ...[...this.#channels.values()].map(({ channel }) => channel.activeAt));
  }

  taken(session: Session): void {
    for (const [channel, own] of this.#channels) {
      if (own.session === session) {
        this.#options.send({ type: "channel.failed", channel, problem: "session-taken", text: "" });
      }
    }
  }

  /** Closes all descriptors. */
  close(): void {
    for (const number of [...this.#channels.keys()]) this.#forget(number);
  }

  #open(open: ChannelOpen): void {
    if (!this.#link) return;
    const { channel: number, kind, terminal } = open;
    const limit = Math.min(maxLiveChannels, this.#options.maxSessions || Infinity);
    const isFull = [...this.#channels.values()].filter(({ channel }) => channel.isLive).length >= limit;
    const channel = this.#channel(number, kind === "shell", terminal && terminal.size);
    channel.attach(this.#link, number);
    if (isFull) {
      channel.close();
      return this.#options.send({
        type: "channel.failed",
        channel: number,
        problem: "channel-limit",
        text: "",
      });
    }
    this.#channels.set(number, { channel, session: null });
    this.#options.tell(open);
  }

  #channel(number: number, isShell: boolean, size: WindowSize | null): Channel {
    const { poller, onError } = this.#options;
    return new Channel({ isShell, size, poller, onError, onFinished: () => this.#finished(number) });
  }

  #session(number: number, channel: Channel, pid: number, ageMs = 0): Session | null {
    if (!channel.terminal) return null;
    const { person, sessions, detachMs, tell } = this.#options;
    const session = new Session({
      id: pid,
      person,
      channel,
      terminal: channel.terminal,
      viewer: this.#link && this,
      ageMs,
      detachMs,
      onDetached: () => sessions.limit(person.user),
      signal: (signal) => tell({ type: "channel.signal", channel: number, signal }),
      hangUp: () => {
        this.#hangUp(number);
        this.#tellEmpty();
      },
    });
    sessions.add(session);
    return session;
  }

  #shown(number: number): Own | undefined {
    const own = this.#channels.get(number);
    return own?.session && own.session.viewer !== this ? undefined : own;
  }

  /** The gateway closes it when it has read the end; where it is not there to do so nobody else would. */
  #finished(number: number): void {
    if (this.#link && this.#shown(number)) return;
    this.#forget(number);
    this.#tellEmpty();
  }

  #hangUp(number: number): void {
    const isLive = this.#channels.get(number)?.channel.isLive;
    this.#forget(number);
    if (isLive) this.#options.tell({ type: "channel.close", channel: number });
  }

  #forget(number: number): void {
    const own = this.#channels.get(number);
    if (!own) return;
    this.#channels.delete(number);
    if (own.session) this.#options.sessions.remove(own.session);
    own.channel.close();
  }

  #tellEmpty(): void {
    if (!this.#link && this.#channels.size === 0) this.#options.onEmpty();
  }
}
