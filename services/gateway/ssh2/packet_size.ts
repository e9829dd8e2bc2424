/**
 * Refusing channels whose packets may hold nothing.
 *
 * Stock: with a maximum packet size of 0 `Channel._write` (lib/Channel.js) sends empty packets for ever, and the
 * whole process hangs; with a few bytes it sends a packet each.
 */

import type { SshClient } from "./internals.ts";
import { OpenFailure } from "./messages.ts";
import { ProtocolViolation } from "./wire_reader.ts";

/** Far below what any client names (OpenSSH 32768, PuTTY 16384, Dropbear 24576 bytes). */
const minPacketBytes = 256;

export function refuseTinyPackets(client: SshClient): void {
  const handlers = client._protocol._handlers;
  const { CHANNEL_OPEN: open, CHANNEL_OPEN_CONFIRMATION: confirmed } = handlers;
  handlers.CHANNEL_OPEN = (protocol, info) => {
    if (info.packetSize >= minPacketBytes) return open(protocol, info);
    const { sender, packetSize } = info;
    protocol.channelOpenFail(
      sender,
      OpenFailure.resourceShortage,
      `A maximum packet size of ${packetSize} bytes is too small`,
    );
  };
  handlers.CHANNEL_OPEN_CONFIRMATION = (protocol, info) => {
    if (info.packetSize < minPacketBytes) {
      throw new ProtocolViolation("The client confirmed a channel whose packets are too small");
    }
    confirmed(protocol, info);
  };
}
