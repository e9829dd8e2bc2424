/** A lease that has taken up a session of another lease: one channel, which is to show it. */

import type { ChannelMessage, ChannelOpen, HostMessage } from "../../../shared/protocol/channel.ts";
import type { Problem } from "../../../shared/protocol/problems.ts";
import type { LeaseLink } from "../../../shared/stream/link.ts";
import type { Session, Viewer } from "./session.ts";

export interface AttachmentOptions {
  session: Session;
  link: LeaseLink;
  send: (message: HostMessage) => void;
  /** How long a terminal outlives its connection; 0: not at all. */
  detachMs: number;
}

export class Attachment implements Viewer {
  readonly #options: AttachmentOptions;
  /** The channel that shows it, once there is one. */
  #number: number | null = null;

  constructor(options: AttachmentOptions) {
    this.#options = options;
  }

  onMessage(message: ChannelMessage): void {
    if (message.type === "channel.open") return this.#open(message);
    const { session } = this.#options;
    if (message.channel !== this.#number || session.viewer !== this) return;
    switch (message.type) {
      case "channel.resize":
        return session.resize(message.size);
      case "channel.signal":
        return session.signal(message.signal);
      case "channel.close":
        return session.hangUp();
      default:
        return message satisfies never;
    }
  }

  /**
   * The connection is gone: in good order, and the session with it; or cut, and the session waits for another.
   *
   * @returns That nothing of this lease lives on: the session is another's
   */
  leave(isOrderly: boolean): false {
    const { session, detachMs } = this.#options;
    if (session.viewer !== this) return false;
    if (isOrderly || detachMs === 0) session.hangUp();
    else session.detach();
    return false;
  }

  /** When bytes came or went last, by performance.now(). */
  get activeAt(): number {
    return performance.now() - this.#options.session.info.idleMs;
  }

  taken(): void {
    if (this.#number !== null) this.#fail(this.#number, "session-taken");
  }

  #open({ channel, kind, terminal }: ChannelOpen): void {
    const { session, link, send } = this.#options;
    if (this.#number !== null || kind !== "shell" || !terminal) return this.#refuse(channel, "attach-only");
    if (!session.isLive) return this.#refuse(channel, "attach-none");
    this.#number = channel;
    send({ type: "channel.opened", channel });
    session.show(this, link, channel, terminal.size);
  }

  /** What the client sends to it meanwhile is not to wait for ever. */
  #refuse(channel: number, problem: Problem): void {
    this.#options.link.open(channel, { onRecord: () => {}, onWritable: () => {} }).close();
    this.#fail(channel, problem);
  }

  #fail(channel: number, problem: Problem): void {
    this.#options.send({ type: "channel.failed", channel, problem, text: "" });
  }
}
