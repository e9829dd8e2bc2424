/** The life of an open lease: one poll(2) over the dispatcher's socket and the channels' processes. */

import { poll } from "../../../ffi/process.ts";
import { outlive } from "./outlive.ts";
import { openChannel, type OpenLease } from "./open_channel.ts";
import { reportExits } from "./report_exits.ts";
import { nextState } from "./vocabulary.ts";

/**
 * Serves the dispatcher, and those after it where sessions outlive one, until one ends the lease or is gone.
 *
 * @throws {ProtocolError} On a message out of turn
 */
export function serveChannels(lease: OpenLease): void {
  const { channels, records, socket } = lease;
  for (;;) {
    const running = channels.running;
    const [socketEvents] = poll(
      [{ fd: socket.fd }, ...running.map(({ pidfd }) => ({ fd: pidfd }))],
      channels.nextKillMs,
    );
    reportExits(lease);
    channels.killOverdue();
    if (!socketEvents) continue;

    const message = socket.receive();
    if (message === null && outlive(lease)) continue;
    if (message === null) return;
    nextState("open", message.type);
    switch (message.type) {
      case "channel.open":
        openChannel(message, lease);
        break;
      case "channel.signal":
        channels.signal(message.channel, message.signal);
        break;
      case "channel.close":
        channels.hangUp(message.channel);
        records.logOut(message.channel);
        break;
      case "lease.close":
        return;
    }
  }
}
