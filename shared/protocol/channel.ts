/** Inside the sealed lease: the messages of the control stream, and how a channel's own stream ends. */

import { Fields, ProtocolError, toBase64 } from "./codec.ts";
import {
  maxCommandBytes,
  maxEnvironmentValueBytes,
  maxEnvironmentVariables,
  maxRecordBytes,
  maxSessionId,
  maxSessionsListed,
  maxTerminalModesBytes,
  maxTerminalNameBytes,
} from "./limits.ts";
import { isLogin, isSignalName, type SignalName } from "./names.ts";
import { isProblem, type Problem } from "./problems.ts";
import { decodePrompt, type Prompt } from "./prompt.ts";

/** The control stream of a lease; channels are numbered from 1 by the gateway, never reused within a lease. */
export const controlStream = 0;
export const maxChannelNumber = 0x7fff_ffff;

/** Terminal size as in RFC 4254 §6.2; 0 means unknown. */
export interface WindowSize {
  columns: number;
  rows: number;
  widthPx: number;
  heightPx: number;
}

/** What a `pty-req` asks for. */
export interface TerminalRequest {
  /** TERM */
  term: string;
  size: WindowSize;
  /** Encoded terminal modes exactly as the client sent them (RFC 4254 §8), base64. */
  modes: string;
}

/** Gateway → host: start a shell (no command), a command, or a subsystem on a new channel. */
export interface ChannelOpen {
  type: "channel.open";
  channel: number;
  kind: "shell" | "exec" | "subsystem";
  /** Command or subsystem name: raw bytes as sent, base64; empty for a shell. */
  command: string;
  terminal: TerminalRequest | null;
  environment: [name: string, value: string][];
}

/** What a gateway asks of a worker; the dispatcher on the way between them passes it on. */
export type ChannelRequest =
  | ChannelOpen
  | { type: "channel.signal"; channel: number; signal: SignalName }
  /** The SSH channel or connection is gone: hang up. The dispatcher has closed the channel's descriptors then. */
  | { type: "channel.close"; channel: number }
  /** End the lease: hang up every channel, close PAM, exit. */
  | { type: "lease.close" };

/** Gateway → host, on the control stream so that they never wait behind a full stdin. */
export type GatewayMessage =
  | ChannelRequest
  | { type: "channel.resize"; channel: number; size: WindowSize }
  /** As `lease.close`, but the client was cut off: terminals may stay for it (`host.detach`). */
  | { type: "lease.detach" };

/** What concerns one channel. */
export type ChannelMessage = Extract<GatewayMessage, { channel: number }>;

/** A shell or command on a terminal of the host, as its owner's list shows it. Times in milliseconds. */
export interface SessionInfo {
  /** Names it for `attach`: the pid of its first process. */
  id: number;
  login: string;
  /** Address of the client it was begun from. */
  from: string;
  /** Since it began, and since its last output or input. */
  ageMs: number;
  idleMs: number;
  /** Whether some connection shows it now. */
  attached: boolean;
}

/** What a dry run finds. */
export type DryRunMessage =
  /** A line of the report; or the module that runs now, which may never come back. */
  | { type: "lease.report"; kind: "line" | "running"; text: string }
  /** It is over, and says whether the login would be let in. */
  | { type: "lease.tried"; isLetIn: boolean };

/** Host → gateway, on the control stream. */
export type HostMessage =
  /** PAM asks the person something before it decides; the answers come back as a record of their own kind. */
  | { type: "lease.prompt"; prompt: Prompt }
  | DryRunMessage
  /** The answer to purpose `sessions`, and the lease's end. */
  | { type: "lease.sessions"; sessions: SessionInfo[] }
  | { type: "lease.accepted"; login: string }
  | { type: "lease.refused"; problem: Problem; text: string }
  /** The lease is over although nobody asked: its worker died. */
  | { type: "lease.ended"; problem: Problem; text: string }
  | { type: "channel.opened"; channel: number }
  | { type: "channel.failed"; channel: number; problem: Problem; text: string };

/** How the channel's main process ended; travels in the channel's own stream, after all its output. */
export type ChannelExit =
  | { type: "exit"; code: number }
  | { type: "exit-signal"; signal: string; coreDumped: boolean };

/** Kinds of record in a stream; the numbers are the wire. */
export const RecordKind = {
  /** stdin to the host, stdout (or the PTY) to the gateway. */
  data: 1,
  /** stderr, host to gateway only. */
  stderr: 2,
  /** No more data in this direction; the other goes on. */
  eof: 3,
  /** One JSON message: control messages, and {@link ChannelExit} on a channel's stream. */
  message: 4,
  /** Nothing follows in this direction. */
  close: 5,
  /** Gateway to host on the control stream: the answers to a `lease.prompt`, sealed for the worker alone. */
  responses: 6,
} as const;
export type RecordKind = typeof RecordKind[keyof typeof RecordKind];

const maxPixels = 0xffff_ffff;

function decodeSize(fields: Fields): WindowSize {
  return {
    columns: fields.integer("columns", 0, maxPixels),
    rows: fields.integer("rows", 0, maxPixels),
    widthPx: fields.integer("widthPx", 0, maxPixels),
    heightPx: fields.integer("heightPx", 0, maxPixels),
  };
}

function decodeTerminal(fields: Fields): TerminalRequest {
  return {
    term: fields.string("term", maxTerminalNameBytes),
    size: decodeSize(fields.object("size")),
    modes: toBase64(fields.bytes("modes", maxTerminalModesBytes)),
  };
}

function decodeVariable(item: unknown, path: string): [string, string] {
  if (
    !Array.isArray(item) || item.length !== 2 || typeof item[0] !== "string" || typeof item[1] !== "string" ||
    !/^[A-Za-z_][A-Za-z0-9_]*$/.test(item[0]) || item[0].length > 256 ||
    item[1].includes("\0") || item[1].length > maxEnvironmentValueBytes
  ) throw new ProtocolError(`Cannot read ${path}: it must be a variable's name and value`);
  return [item[0], item[1]];
}

/** The `channel` of a message. */
export function channelNumber(fields: Fields): number {
  return fields.integer("channel", 1, maxChannelNumber);
}

function decodeChannelOpen(fields: Fields): ChannelOpen {
  return {
    type: "channel.open",
    channel: channelNumber(fields),
    kind: fields.oneOf("kind", ["shell", "exec", "subsystem"]),
    command: toBase64(fields.bytes("command", maxCommandBytes)),
    terminal: fields.isNull("terminal") ? null : decodeTerminal(fields.object("terminal")),
    environment: fields.list("environment", maxEnvironmentVariables, decodeVariable),
  };
}

export const channelRequestTypes = [
  "channel.open",
  "channel.signal",
  "channel.close",
  "lease.close",
] as const satisfies ChannelRequest["type"][];

/** Reads a request from fields whose `type` is already known. */
export function decodeChannelRequest(type: ChannelRequest["type"], fields: Fields): ChannelRequest {
  switch (type) {
    case "channel.open":
      return decodeChannelOpen(fields);
    case "channel.signal": {
      const signal = fields.string("signal", 16);
      if (!isSignalName(signal)) {
        throw new ProtocolError("Cannot read message.signal: it is not a signal of RFC 4254");
      }
      return { type, channel: channelNumber(fields), signal };
    }
    case "channel.close":
      return { type, channel: channelNumber(fields) };
    case "lease.close":
      return { type };
  }
}

export function decodeGatewayMessage(bytes: Uint8Array): GatewayMessage {
  const fields = Fields.parse(bytes, maxRecordBytes);
  const type = fields.oneOf("type", ["channel.resize", "lease.detach", ...channelRequestTypes]);
  if (type === "lease.detach") return { type };
  if (type !== "channel.resize") return decodeChannelRequest(type, fields);
  return { type, channel: channelNumber(fields), size: decodeSize(fields.object("size")) };
}

export function decodeHostMessage(bytes: Uint8Array): HostMessage {
  const fields = Fields.parse(bytes, maxRecordBytes);
  const type = fields.oneOf("type", [
    "lease.prompt",
    "lease.report",
    "lease.tried",
    "lease.sessions",
    "lease.accepted",
    "lease.refused",
    "lease.ended",
    "channel.opened",
    "channel.failed",
  ]);
  switch (type) {
    case "lease.prompt":
      return { type, prompt: decodePrompt(fields.object("prompt")) };
    case "lease.report":
    case "lease.tried":
      return decodeDryRun(type, fields);
    case "lease.sessions":
      return { type, sessions: fields.list("sessions", maxSessionsListed, decodeSession) };
    case "lease.accepted":
      return { type, login: fields.matching("login", isLogin, "a login") };
    case "lease.refused":
    case "lease.ended":
      return { type, problem: decodeProblem(fields), text: fields.string("text", maxRecordBytes) };
    case "channel.opened":
      return { type, channel: channelNumber(fields) };
    case "channel.failed":
      return {
        type,
        channel: channelNumber(fields),
        problem: decodeProblem(fields),
        text: fields.string("text", maxRecordBytes),
      };
  }
}

function decodeSession(item: unknown, path: string): SessionInfo {
  const fields = new Fields(item, path);
  return {
    id: fields.integer("id", 1, maxSessionId),
    login: fields.matching("login", isLogin, "a login"),
    from: fields.string("from", 64),
    ageMs: fields.integer("ageMs", 0, Number.MAX_SAFE_INTEGER),
    idleMs: fields.integer("idleMs", 0, Number.MAX_SAFE_INTEGER),
    attached: fields.boolean("attached"),
  };
}

export function decodeDryRun(type: DryRunMessage["type"], fields: Fields): DryRunMessage {
  if (type === "lease.tried") return { type, isLetIn: fields.boolean("isLetIn") };
  const kind = fields.oneOf("kind", ["line", "running"]);
  return { type, kind, text: fields.string("text", maxRecordBytes) };
}

/** An unknown code, from a newer peer, reads as `internal`. */
export function decodeProblem(fields: Fields): Problem {
  const problem = fields.string("problem", 64);
  return isProblem(problem) ? problem : "internal";
}

export function decodeChannelExit(bytes: Uint8Array): ChannelExit {
  return readChannelExit(Fields.parse(bytes, maxRecordBytes));
}

export function readChannelExit(fields: Fields): ChannelExit {
  const type = fields.oneOf("type", ["exit", "exit-signal"]);
  switch (type) {
    case "exit":
      return { type, code: fields.integer("code", 0, 255) };
    case "exit-signal":
      return { type, signal: fields.string("signal", 64), coreDumped: fields.boolean("coreDumped") };
  }
}
