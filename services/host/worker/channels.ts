/** The main processes of a lease's channels: started, signalled, hung up, and waited for through their pidfds. */

import { killProcess, pidfdOpen, waitChild } from "../../../ffi/process.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type { ChannelExit } from "../../../shared/protocol/channel.ts";
import { type SignalName, signalNameOf, signalNumbers } from "../../../shared/protocol/names.ts";

export interface RunningChannel {
  readonly number: number;
  /** Main process, its process group and its session. */
  readonly pid: number;
  /** Readable once the process has ended. */
  readonly pidfd: number;
  /** Device, or empty without a terminal. */
  readonly tty: string;
  /** A copy of its PTY, which nobody reads: it outlives the dispatcher's; -1 without one. */
  pty: number;
  /** Milliseconds of {@link performance.now}. */
  readonly startedAt: number;
  /** When its process group is killed, milliseconds of {@link performance.now}; null while it is not hung up. */
  killAt: number | null;
}

/** Whether its process has a terminal rather than pipes. */
export function hasTerminal({ tty }: Pick<RunningChannel, "tty">): boolean {
  return tty !== "";
}

export class Channels {
  readonly #running = new Map<number, RunningChannel>();
  readonly #graceMs: number;

  /** @param graceMs How long a hung-up shell may take to end */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** A snapshot, in the order of their start. */
  get running(): RunningChannel[] {
    return [...this.#running.values()];
  }

  has(number: number): boolean {
    return this.#running.has(number);
  }

  /**
   * @param pty A copy of its PTY to be kept, the channel's from here on; -1 for none
   * @throws {SystemError} If the process cannot be waited for; it has been killed then
   */
  add(number: number, pid: number, tty: string, pty = -1): void {
    let pidfd: number;
    try {
      pidfd = pidfdOpen(pid);
    } catch (error) {
      killProcess(-pid, signalNumbers.KILL);
      waitChild(pid);
      if (pty >= 0) closeDescriptor(pty);
      throw error;
    }
    const startedAt = performance.now();
    this.#running.set(number, { number, pid, pidfd, tty, pty, startedAt, killAt: null });
  }

  /** Signals the process group, as sshd does; nothing happens when it is gone. Not reaped, its id is nobody else's. */
  signal(number: number, signal: SignalName): void {
    const channel = this.#running.get(number);
    if (channel) killProcess(-channel.pid, signalNumbers[signal]);
  }

  /**
   * Begins the grace time of a shell whose terminal is gone. What runs on pipes is left to notice that they closed,
   * as under sshd.
   */
  hangUp(number: number): void {
    const channel = this.#running.get(number);
    if (!channel || !hasTerminal(channel)) return;
    closePty(channel);
    channel.killAt ??= performance.now() + this.#graceMs;
  }

  /** Those whose PTY is kept: they may outlive the dispatcher. */
  get kept(): RunningChannel[] {
    return this.running.filter(({ pty }) => pty >= 0);
  }

  /** Hangs up every terminal, with SIGHUP because the dispatcher may still hold them. */
  hangUpAll(): void {
    for (const channel of this.running) {
      if (!hasTerminal(channel)) continue;
      killProcess(-channel.pid, signalNumbers.HUP);
      this.hangUp(channel.number);
    }
  }

  /** Kills the process groups whose grace time is over. */
  killOverdue(): void {
    for (const channel of this.running) {
      if (channel.killAt === null || channel.killAt > performance.now()) continue;
      killProcess(-channel.pid, signalNumbers.KILL);
      channel.killAt = Infinity;
    }
  }

  /** Milliseconds until {@link killOverdue} has something to do, or -1. */
  get nextKillMs(): number {
    const next = Math.min(Infinity, ...this.running.map((channel) => channel.killAt ?? Infinity));
    return next === Infinity ? -1 : Math.max(0, Math.ceil(next - performance.now()));
  }

  /** Takes the status of `channel`'s process and forgets it; null while it still runs. */
  reap(channel: RunningChannel): ChannelExit | null {
    const status = waitChild(channel.pid, { noHang: true });
    if (status === null) return null;
    this.#running.delete(channel.number);
    closeDescriptor(channel.pidfd);
    closePty(channel);
    if ("code" in status) return { type: "exit", code: status.code };
    return { type: "exit-signal", signal: signalNameOf(status.signal), coreDumped: status.coreDumped };
  }
}

function closePty(channel: RunningChannel): void {
  if (channel.pty >= 0) closeDescriptor(channel.pty);
  channel.pty = -1;
}
