/** The life of an open lease: one poll(2) over the dispatcher's socket and the channels' processes. */

import { poll } from "../../../ffi/process.ts";
import { openChannel, type OpenLease } from "./open_channel.ts";
import { nextState } from "./vocabulary.ts";

/**
 * Serves the dispatcher until it ends the lease or is gone.
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

/** What the end of a channel needs. */
export type ServedLease = Pick<OpenLease, "channels" | "records" | "socket">;

/** Reports every process that has ended. */
export function reportExits({ channels, records, socket }: ServedLease): void {
  for (const channel of channels.running) {
    const exit = channels.reap(channel);
    if (!exit) continue;
    records.logOut(channel.number);
    socket.reply({ type: "channel.exited", channel: channel.number, exit });
  }
}
