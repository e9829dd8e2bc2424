/**
 * Ending a channel: EOF, exit status, CLOSE, right whatever has happened before.
 *
 * Stock: `exit()` after `eof()` is silently dropped, so the client reports 255; `exit()` throws for a signal that is
 * not in RFC 4254's list; `end()` sends EOF and CLOSE together, leaving no room for a status (lib/Channel.js).
 */

import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import type { SshChannel } from "./internals.ts";
import { byte, Message, sendMessage, string, uint32 } from "./messages.ts";

export type SessionExit =
  /** Exit status, 0 to 255 */
  | { code: number }
  /** Signal name without SIG, such as `SEGV` */
  | { signal: string; coreDumped: boolean };

/** RFC 4254 §6.10 */
const signals = new Set([
  "ABRT",
  "ALRM",
  "FPE",
  "HUP",
  "ILL",
  "INT",
  "KILL",
  "PIPE",
  "QUIT",
  "SEGV",
  "TERM",
  "USR1",
  "USR2",
]);

/** A relay that keeps each channel below this bounds both memory and how long one channel holds up the others. */
const comfortableBytes = 128 * 1024;

function asInternal(channel: ServerChannel): SshChannel {
  return channel as unknown as SshChannel;
}

/** Runs `action` when all that was written before has gone out: at once when nothing is waiting. */
function afterWrites(channel: SshChannel, action: () => void): void {
  if (channel.writableLength === 0 && channel.stderr.writableLength === 0) return action();
  const nothing = Buffer.alloc(0);
  const stderrDone = () => channel.stderr.writable ? channel.stderr.write(nothing, () => action()) : action();
  if (channel.writable) channel.write(nothing, stderrDone);
  else stderrDone();
}

/** Tells the client how the process ended (RFC 4254 §6.10), before or after EOF, but before {@link closeChannel}. */
export function sendExit(channel: ServerChannel, exit: SessionExit): void {
  const internal = asInternal(channel);
  afterWrites(internal, () => {
    const { outgoing, _client: { _protocol: protocol } } = internal;
    if (outgoing.state !== "open" && outgoing.state !== "eof" || !protocol._destruct) return;
    if ("code" in exit) return protocol.exitStatus(outgoing.id, exit.code);
    sendMessage(protocol, [
      byte(Message.channelRequest),
      uint32(outgoing.id),
      string("exit-signal"),
      byte(0),
      // Signals outside the RFC's list need a name of their own; sshd uses this one
      string(signals.has(exit.signal) ? exit.signal : "SIG@openssh.com"),
      byte(exit.coreDumped ? 1 : 0),
      string(""),
      string(""),
    ]);
  });
}

/** Sends EOF after all that was written; the client may go on sending. */
export function sendEof(channel: ServerChannel): void {
  const internal = asInternal(channel);
  afterWrites(internal, () => {
    if (internal._client._protocol._destruct) internal.eof();
  });
}

/**
 * Sends CLOSE after all that was written; what the client still sends is discarded, and the channel's `close` event
 * follows when the client has answered.
 */
export function closeChannel(channel: ServerChannel): void {
  const internal = asInternal(channel);
  afterWrites(internal, () => {
    if (internal._client._protocol._destruct) internal.close();
    // Reading on must not open the window again: PuTTY takes an adjustment after CLOSE for a fatal error.
    internal._waitChanDrain = false;
    internal.removeAllListeners("data");
    internal.resume();
  });
}

/** How many more bytes a relay should write now; 0 until some of what waits has gone out. */
export function writableBytes(channel: ServerChannel): number {
  const { writableLength, stderr } = asInternal(channel);
  return Math.max(0, comfortableBytes - writableLength - stderr.writableLength);
}
