/** The end of a channel: its process is reaped, its terminal logged out, and the dispatcher told. */

import type { OpenLease } from "./open_channel.ts";

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
