/** One SSH session channel (RFC 4254 §6): what the client asks for before it starts, and its requests while it runs. */

// @ts-types="@types/ssh2"
import type { ServerChannel, Session } from "ssh2";
import type { ChannelOpen, TerminalRequest, WindowSize } from "../../shared/protocol/channel.ts";
import { encodeJson, toBase64 } from "../../shared/protocol/codec.ts";
import {
  maxCommandBytes,
  maxEnvironmentBytes,
  maxEnvironmentValueBytes,
  maxEnvironmentVariables,
  maxTerminalModesBytes,
  maxTerminalNameBytes,
} from "../../shared/protocol/limits.ts";
import { isSignalName } from "../../shared/protocol/names.ts";
import { type Problem, problems } from "../../shared/protocol/problems.ts";
import type { Lease, LeaseChannel } from "./lease.ts";
import { Relay } from "./relay.ts";
import type { ExecInfo, PtyInfo } from "./ssh2/mod.ts";

type Kind = ChannelOpen["kind"];

/** Size as the client named it; some send absurd numbers, and the kernel's struct winsize has 16 bits. */
function windowSize(info: { cols: number; rows: number; width: number; height: number }): WindowSize {
  const clamp = (value: number) => Math.min(Math.max(0, value | 0), 0xffff);
  return {
    columns: clamp(info.cols),
    rows: clamp(info.rows),
    widthPx: clamp(info.width),
    heightPx: clamp(info.height),
  };
}

/**
 * Serves one session channel of a connection whose lease is open.
 *
 * @param done Called once, when the session is over
 */
export function serveSession(session: Session, lease: Lease, done: () => void): void {
  const environment: [string, string][] = [];
  let environmentBytes = 0;
  let terminal: TerminalRequest | null = null;
  let channel: LeaseChannel | undefined;
  let started = false;

  const start = (ssh: ServerChannel, kind: Kind, command: Uint8Array) => {
    started = true;
    const relay = new Relay(ssh, () => {
      channel?.close();
      done();
    });
    if (command.length > maxCommandBytes) {
      relay.fail(`The command is longer than ${maxCommandBytes} bytes; put it into a file and run that.`);
      return;
    }
    channel = lease.openChannel({ kind, command: toBase64(command), terminal, environment }, {
      onOpened: () => {},
      onFailed: (problem: Problem, text: string) => relay.fail(text || problems[problem]),
      onRecord: (recordKind, data) => relay.onRecord(recordKind, data),
      onWritable: () => relay.pump(),
    });
    relay.attach(channel.stream);
  };

  session.on("env", (accept, reject, info) => {
    const { key, value } = info as unknown as { key: string; value: string };
    const wellFormed = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(key) && !value.includes("\0") &&
      value.length <= maxEnvironmentValueBytes;
    if (!wellFormed || environment.length >= maxEnvironmentVariables || started) return reject?.();
    environmentBytes += encodeJson([key, value]).length;
    if (environmentBytes > maxEnvironmentBytes) return reject?.();
    environment.push([key, value]);
    accept?.();
  });

  session.on("pty", (accept, reject, info) => {
    const request = info as unknown as PtyInfo;
    if (started || terminal || request.term.length > maxTerminalNameBytes) return reject?.();
    terminal = {
      term: request.term.replaceAll("\0", ""),
      size: windowSize(request),
      modes: toBase64(request.rawModes.subarray(0, maxTerminalModesBytes)),
    };
    accept?.();
  });

  session.on("shell", (accept, reject) => {
    if (started) return reject();
    start(accept(), "shell", new Uint8Array());
  });
  session.on("exec", (accept, reject, info) => {
    if (started) return reject();
    start(accept(), "exec", (info as unknown as ExecInfo).rawCommand);
  });
  session.on("subsystem", (accept, reject, info) => {
    if (started) return reject();
    start(accept(), "subsystem", new TextEncoder().encode(info.name));
  });

  session.on("window-change", (accept, _reject, info) => {
    channel?.resize(windowSize(info));
    if (!started && terminal) terminal = { ...terminal, size: windowSize(info) };
    accept?.();
  });
  session.on("signal", (accept, reject, info) => {
    if (!isSignalName(info.name) || !channel) return reject?.();
    channel.signal(info.name);
    accept?.();
  });
  session.on("close", () => {
    if (!started) done();
    channel?.close();
  });
}
