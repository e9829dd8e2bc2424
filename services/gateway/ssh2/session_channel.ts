/**
 * A session's channel from its first byte to its close.
 *
 * Stock (lib/server.js): data that comes before `accept()` of the shell is dropped; when the client's EOF comes
 * first, `accept()` returns nothing and the client waits for ever; a session closed before it started is never
 * answered and never freed; `close` comes only when all input was read, so a relay that has paused never hears it;
 * and a client that ignores its window can fill the memory.
 */

import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { dropWrites, repairChannelWrites } from "./channel_flow.ts";
import {
  Channel,
  findChannel,
  findSession,
  MAX_WINDOW,
  type SshChannel,
  type SshClient,
  type SshSession,
  windowAdjust,
} from "./internals.ts";
import { ProtocolViolation } from "./wire_reader.ts";

/** Bytes beyond its window a client is forgiven in all; sshd forgives the same tenth (channels.c). */
const forgivenBytes = MAX_WINDOW / 10;

/** The channels of one connection, and the handlers that fill and end them. */
export class SessionChannels {
  readonly all = new Set<SshChannel>();
  readonly #client: SshClient;
  readonly #sessions = new Set<SshSession>();
  /** Bytes that came before the session has a channel; bounded by the window. */
  readonly #early = new WeakMap<SshSession, Buffer[]>();

  constructor(client: SshClient) {
    this.#client = client;
    const handlers = client._protocol._handlers;
    handlers.CHANNEL_DATA = (_protocol, recipient, data) => this.#onData(recipient, data);
    handlers.CHANNEL_EOF = (_protocol, recipient) => this.#onEof(recipient);
    handlers.CHANNEL_CLOSE = (_protocol, recipient) => this.#onClose(recipient);

    const manager = client._chanMgr;
    const stockUpdate = manager.update.bind(manager);
    manager.update = (id, value) => {
      stockUpdate(id, value);
      if (value instanceof Channel) this.#adopt(value);
      else this.#sessions.add(value as SshSession);
    };
    const stockCleanup = manager.cleanup.bind(manager);
    manager.cleanup = (error) => {
      for (const channel of this.all) {
        channel.outgoing.state = "closed";
        this.#finish(channel, channel.incoming.id);
      }
      for (const session of this.#sessions) session.emit("close");
      this.#sessions.clear();
      stockCleanup(error);
    };
  }

  /** Creates the channel of a session; `undefined` when the session is over or has one. */
  start(session: SshSession, subtype: string): ServerChannel | undefined {
    if (session._channel || !this.#sessions.has(session)) return undefined;
    const channel = new Channel(this.#client, session._chanInfo, { server: true });
    channel.subtype = session.subtype = subtype;
    session._channel = channel;
    this.#adopt(channel);
    for (const data of this.#early.get(session) ?? []) this.#push(channel, data);
    this.#early.delete(session);
    if (channel.incoming.state === "eof") channel.push(null);
    return channel as unknown as ServerChannel;
  }

  #adopt(channel: SshChannel): void {
    repairChannelWrites(channel);
    // A write after the end is an `error` event, which without a listener would end the process
    channel.on("error", () => {});
    channel.stderr.on("error", () => {});
    this.all.add(channel);
  }

  #onData(recipient: number, data: Buffer): void {
    const session = findSession(this.#client, recipient);
    const channel = findChannel(this.#client, recipient);
    const incoming = channel?.incoming ?? session?._chanInfo.incoming;
    if (!incoming) return;
    if (incoming.state !== "open") throw new ProtocolViolation("The client sent data after EOF");
    incoming.window -= data.length;
    if (incoming.window < -forgivenBytes) {
      throw new ProtocolViolation("The client sent more than its window allows");
    }
    if (channel) return this.#push(channel, data);
    const early = this.#early.get(session!) ?? [];
    early.push(data);
    this.#early.set(session!, early);
  }

  #push(channel: SshChannel, data: Buffer): void {
    // We have closed it: nobody reads, and the client has our CLOSE on its way
    if (channel.outgoing.state === "closing") return;
    if (!channel.push(data)) channel._waitChanDrain = true;
    else if (channel.incoming.window <= MAX_WINDOW / 2) windowAdjust(channel);
  }

  #onEof(recipient: number): void {
    const session = findSession(this.#client, recipient);
    const channel = findChannel(this.#client, recipient);
    const incoming = channel?.incoming ?? session?._chanInfo.incoming;
    if (incoming?.state !== "open") return;
    incoming.state = "eof";
    session?.emit("eof");
    channel?.push(null);
  }

  #onClose(recipient: number): void {
    const session = findSession(this.#client, recipient);
    const channel = findChannel(this.#client, recipient);
    if (session) {
      session._ending = true;
      this.#sessions.delete(session);
      session.emit("close");
    }
    if (channel) this.#finish(channel, recipient);
    else if (session) {
      session._chanInfo.outgoing.state = "closed";
      this.#client._chanMgr.remove(recipient);
      this.#client._protocol.channelClose(session._chanInfo.outgoing.id);
    }
  }

  /** Both sides have closed, or the connection is gone. */
  #finish(channel: SshChannel, recipient: number): void {
    const { incoming, outgoing } = channel;
    if (!this.all.delete(channel)) return;
    if (incoming.state === "open") channel.push(null);
    incoming.state = "closed";
    channel.close();
    outgoing.state = "closed";
    this.#client._chanMgr.remove(recipient);
    dropWrites(channel);
    channel.end();
    channel.stderr.end();
    // After what a flowing reader still gets ('data', 'end'), but not for ever after a paused one
    setImmediate(() => channel.emit("close"));
  }
}
