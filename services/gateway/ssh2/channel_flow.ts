/**
 * Writing to a channel: the client's window, and the socket's back-pressure.
 *
 * Stock (lib/Channel.js `Channel._write`, `ServerStderr._write`; lib/server.js CHANNEL_WINDOW_ADJUST) has three
 * defects: after stdout and then stderr have each waited for the window, the chunk of the first is sent a second time
 * (corrupt output); a client with a huge window that stops reading makes the process hold everything, since the
 * socket's back-pressure is ignored; and a write to a channel that is closing never calls back.
 *
 * Here each channel holds at most two writes (Node hands a Writable one at a time): stdout's and stderr's.
 */

import type { Buffer } from "node:buffer";
import type { SshChannel, SshClient } from "./internals.ts";

/** Bytes waiting in the socket above which channels stop; enough to keep a fast link busy between two drains. */
const socketHighBytes = 256 * 1024;
/** SSH_EXTENDED_DATA_STDERR, RFC 4254 §5.2 */
const stderrType = 1;
/** A window may not exceed this (RFC 4254 §5.2). */
const maxWindow = 0xffff_ffff;

interface PendingWrite {
  data: Buffer;
  sent: number;
  done: () => void;
}

/** The two writes of one channel that its window or the socket does not take yet. */
class ChannelFlow {
  readonly #channel: SshChannel;
  #stdout: PendingWrite | undefined;
  #stderr: PendingWrite | undefined;

  constructor(channel: SshChannel) {
    this.#channel = channel;
  }

  write(name: "stdout" | "stderr", data: Buffer, done: () => void): void {
    const pending = { data, sent: 0, done };
    if (name === "stdout") this.#stdout = pending;
    else this.#stderr = pending;
    this.pump();
  }

  /** Sends what may be sent. Both streams share one window; the older of them goes on first. */
  pump(): void {
    if (this.#channel.outgoing.state !== "open") return this.#dropAll();
    if (this.#stdout && this.#send(this.#stdout, false)) this.#finish("stdout");
    if (this.#stderr && this.#send(this.#stderr, true)) this.#finish("stderr");
  }

  /** Sends packets until done (returns true), or until the window or the socket is full. */
  #send(pending: PendingWrite, isStderr: boolean): boolean {
    const { outgoing, _client: { _protocol: protocol, _sock: socket } } = this.#channel;
    const { data } = pending;
    while (pending.sent < data.length) {
      const full = outgoing.window === 0 || socket.writableLength >= socketHighBytes;
      // While keys are exchanged ssh2 queues packets without a limit, for as long as the client likes
      if (full || protocol._kexinit !== undefined) return false;
      const length = Math.min(data.length - pending.sent, outgoing.window, outgoing.packetSize);
      const part = data.subarray(pending.sent, pending.sent + length);
      pending.sent += length;
      outgoing.window -= length;
      if (isStderr) protocol.channelExtData(outgoing.id, part, stderrType);
      else protocol.channelData(outgoing.id, part);
    }
    return true;
  }

  #finish(name: "stdout" | "stderr"): void {
    const pending = name === "stdout" ? this.#stdout : this.#stderr;
    if (name === "stdout") this.#stdout = undefined;
    else this.#stderr = undefined;
    // Node calls the next _write from here, so the field must be free
    pending?.done();
  }

  /** The channel takes no more data: what waits is discarded, and its writers may go on to see 'close'. */
  #dropAll(): void {
    this.#finish("stdout");
    this.#finish("stderr");
  }
}

const flows = new WeakMap<SshChannel, ChannelFlow>();

/** Gives a channel its flow; every channel of a repaired connection gets one as it is created. */
export function repairChannelWrites(channel: SshChannel): void {
  const flow = new ChannelFlow(channel);
  flows.set(channel, flow);
  channel._write = (data, _encoding, done) => flow.write("stdout", data, () => done());
  channel.stderr._write = (data, _encoding, done) => flow.write("stderr", data, () => done());
}

/** Discards what waits on a channel that has closed. */
export function dropWrites(channel: SshChannel): void {
  flows.get(channel)?.pump();
}

/** Window adjustments, socket drains and new keys of one connection go to the flows. */
export function repairFlow(client: SshClient, channels: ReadonlySet<SshChannel>): void {
  const { _protocol: protocol, _sock: socket } = client;
  protocol._handlers.CHANNEL_WINDOW_ADJUST = (_protocol, recipient, bytes) => {
    const found = client._chanMgr.get(recipient);
    if (typeof found !== "object") return;
    const outgoing = "_chanInfo" in found ? found._chanInfo.outgoing : found.outgoing;
    outgoing.window = Math.min(outgoing.window + bytes, maxWindow);
    const channel = "_chanInfo" in found ? found._channel : found;
    if (channel) flows.get(channel)?.pump();
  };
  const pumpAll = () => {
    for (const channel of channels) flows.get(channel)?.pump();
  };
  socket.on("drain", pumpAll);
  client.on("handshake", pumpAll);
}
