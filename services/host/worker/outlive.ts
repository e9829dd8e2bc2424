/** Between two dispatchers: sessions on terminals go on, and are handed to the next one. */

import { poll } from "../../../ffi/process.ts";
import type { OpenLease } from "./open_channel.ts";
import { reportExits } from "./report_exits.ts";

/**
 * The dispatcher is gone. Where sessions on terminals may outlive it (`host.detach`) waits for another one, and tells it
 * of them.
 *
 * @returns `false` if nothing is left to wait for, or nobody came in time
 */
export function outlive(lease: OpenLease): boolean {
  const { channels, settings, socket } = lease;
  const until = performance.now() + settings.detachMs;
  for (;;) {
    const { handovers } = socket;
    const leftMs = Math.ceil(until - performance.now());
    if (handovers === null || leftMs <= 0 || channels.kept.length === 0) return false;
    const nextMs = channels.nextKillMs;
    const [isTold] = poll(
      [{ fd: handovers }, ...channels.running.map(({ pidfd }) => ({ fd: pidfd }))],
      nextMs < 0 ? leftMs : Math.min(leftMs, nextMs),
    );
    reportExits(lease);
    channels.killOverdue();
    if (!isTold) continue;
    if (!socket.takeHandover()) return false;
    handOver(lease);
    return true;
  }
}

function handOver({ channels, client, limits, login, openedAt, socket, user }: OpenLease): void {
  const { kept } = channels;
  const { idleTimeoutMs, ttlMs } = limits;
  const leftMs = Math.max(1, Math.round(openedAt + ttlMs - performance.now()));
  socket.reply({
    type: "lease.resumed",
    ...{ user, login: login.identity.login, from: client.address, sessions: kept.length },
    ...{ idleTimeoutMs, ttlMs: ttlMs === 0 ? 0 : leftMs },
  });
  for (const { number, pid, pty, startedAt } of kept) {
    const ageMs = Math.round(performance.now() - startedAt);
    socket.reply({ type: "session.kept", channel: number, pid, ageMs }, [pty]);
  }
}
