/**
 * Refusing a channel with a reason and a sentence.
 *
 * Stock: `reject()` of the `session` event always answers CONNECT_FAILED with an empty description (lib/server.js
 * CHANNEL_OPEN), so the person sees "channel 0: open failed: connect failed:". Here the reject function remembers
 * whose it is. A client also may not pile up channels it never closes.
 */

import type { ChannelOpenInfo, SshClient } from "./internals.ts";
import { OpenFailure } from "./messages.ts";

/** Channels one client may have at once, of all types, those it has not answered our CLOSE for included. */
const maxChannels = 256;

const refusals = new WeakMap<() => void, (reason: OpenFailure, description: string) => void>();

/**
 * Answers a `session` (or `tcpip`) event with SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254 §5.1).
 *
 * @param reject The second argument of the event
 * @param reason Why; OpenSSH prints it beside the description
 */
export function rejectSession(
  reject: () => void,
  description: string,
  reason: OpenFailure = OpenFailure.administrativelyProhibited,
): void {
  const refuse = refusals.get(reject);
  if (refuse) refuse(reason, description);
  else reject();
}

export function repairOpenFailure(client: SshClient): void {
  const { _protocol: protocol } = client;
  const stockOpen = protocol._handlers.CHANNEL_OPEN;
  /** What the next CHANNEL_OPEN_FAILURE for this client channel says instead of stock's reason. */
  let worded: { sender: number; reason: OpenFailure; description: string } | undefined;
  const stockFail = protocol.channelOpenFail.bind(protocol);
  protocol.channelOpenFail = (sender, reason, description) => {
    if (worded?.sender !== sender) return stockFail(sender, reason, description);
    stockFail(sender, worded.reason, worded.description);
  };

  let opening: ChannelOpenInfo | undefined;
  const stockEmit = client.emit.bind(client) as (event: string, ...parameters: unknown[]) => boolean;
  client.emit = (event: string, ...parameters: unknown[]) => {
    const info = opening;
    if (info && (event === "session" || event === "tcpip")) {
      const reject = parameters[1] as () => void;
      refusals.set(reject, (reason, description) => {
        worded = { sender: info.sender, reason, description };
        reject();
        worded = undefined;
      });
    }
    return stockEmit(event, ...parameters);
  };

  protocol._handlers.CHANNEL_OPEN = (self, info) => {
    if (client._chanMgr._count >= maxChannels) {
      return stockFail(info.sender, OpenFailure.resourceShortage, "Too many channels on this connection");
    }
    opening = info;
    try {
      stockOpen(self, info);
    } finally {
      opening = undefined;
    }
  };
}
