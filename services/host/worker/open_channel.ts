/** One `channel.open`: terminal or pipes, environment, process; then its descriptors go to the dispatcher. */

import { copyDescriptor } from "../../../ffi/descriptor.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { ChannelOpen } from "../../../shared/protocol/channel.ts";
import { ProtocolError } from "../../../shared/protocol/codec.ts";
import type { ClientAddress } from "../../../shared/protocol/lease.ts";
import type { Limits } from "../../../shared/protocol/worker.ts";
import { asProblem, describeCause } from "./cause.ts";
import type { Channels } from "./channels.ts";
import { commandLine } from "./command_line.ts";
import type { DispatcherSocket } from "./dispatcher_socket.ts";
import { buildEnvironment } from "./environment.ts";
import { isHushed } from "./hush_login.ts";
import type { Login } from "./login.ts";
import { lastLoginText, type LoginRecords } from "./login_records.ts";
import { defaultPath } from "./login_defs.ts";
import { startShell } from "./shell.ts";
import { type ChannelStdio, openStdio } from "./stdio.ts";

/** What every channel of a lease shares. */
export interface OpenLease {
  settings: HostSettings;
  /** Who asked for it, as the gateway knows them. */
  user: string;
  client: ClientAddress;
  login: Login;
  limits: Limits;
  /** Milliseconds of performance.now(). */
  openedAt: number;
  channels: Channels;
  records: LoginRecords;
  socket: DispatcherSocket;
}

/**
 * Answers `channel.opened` with its descriptors, or `channel.failed` for whatever the client asked in vain.
 *
 * @throws {ProtocolError} If the channel's number is in use
 */
export function openChannel(request: ChannelOpen, lease: OpenLease): void {
  const { channels, login, records, settings, socket } = lease;
  const { channel, terminal } = request;
  if (channels.has(channel)) throw new ProtocolError(`Cannot open channel ${channel}: it is open already`);
  try {
    const argv = commandLine(request, login.identity.shell, settings.subsystems);
    using stdio = openStdio(terminal, login.identity);
    // As sshd, before the shell is there to ask who is logged in.
    const before = terminal && records.logIn(channel, stdio.tty, login.identity);
    if (before && request.kind === "shell") {
      socket.reply({ type: "lease.notice", text: lastLoginText(before) });
    }
    const pid = startShell({
      path: login.identity.shell,
      argv,
      environment: channelEnvironment(request, stdio, lease),
      stdio: stdio.forChild,
      credentials: { uid: login.identity.uid, gid: login.identity.gid, groups: login.groups },
      home: login.identity.home,
      limits: login.limits,
    }, (text) => {
      if (terminal) socket.reply({ type: "lease.notice", text });
    });
    const [pty] = stdio.forDispatcher;
    const isKept = terminal !== null && pty !== undefined && socket.handovers !== null;
    channels.add(channel, pid, stdio.tty, isKept ? copyDescriptor(pty) : -1);
    const hushed = request.kind === "shell" && isHushed(login);
    socket.reply({ type: "channel.opened", channel, pid, tty: stdio.tty, hushed }, stdio.forDispatcher);
  } catch (error) {
    records.logOut(channel);
    const { problem, detail } = asProblem(error);
    socket.reply({
      type: "channel.failed",
      channel,
      problem,
      text: detail ?? "",
      cause: describeCause(error),
    });
  }
}

function channelEnvironment(
  { environment, terminal }: ChannelOpen,
  { tty }: ChannelStdio,
  { client, login, settings }: OpenLease,
): string[] {
  return buildEnvironment({
    identity: login.identity,
    path: defaultPath(login.identity.uid),
    client,
    terminal: terminal && { tty, term: terminal.term },
    requested: environment,
    acceptEnv: settings.acceptEnv,
    pam: settings.pam.enabled ? login.pamEnvironment : null,
  });
}
