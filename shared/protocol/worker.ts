/**
 * Inside one host: the records between monitor, dispatcher and worker on AF_UNIX SEQPACKET sockets.
 *
 * A worker's first record is the monitor's `assign`; everything after comes from the dispatcher. Descriptors ride
 * along by SCM_RIGHTS where a message says so. JSON, one message a record, at most `maxRecordBytes`.
 */

import {
  type ChannelExit,
  channelNumber,
  type ChannelRequest,
  channelRequestTypes,
  decodeChannelRequest,
  decodeDryRun,
  decodeProblem,
  type DryRunMessage,
  readChannelExit,
} from "./channel.ts";
import { encodeJson, Fields, ProtocolError } from "./codec.ts";
import { type Grant, type Suite, suites } from "./lease.ts";
import {
  maxEnvelopeBytes,
  maxGrantMs,
  maxRecordBytes,
  maxRevocationsBytes,
  maxSessionId,
  maxSessionsListed,
} from "./limits.ts";
import { isLeaseId, isLogin } from "./names.ts";
import type { Problem } from "./problems.ts";
import { decodePrompt, type Prompt } from "./prompt.ts";

/**
 * Monitor → worker, always first, with one descriptor where sessions may outlive the dispatcher: the socket for
 * {@link Handover}s. The lease it will serve, the boot it must be signed for, and the host's time. */
export interface Assign {
  type: "assign";
  lease: string;
  boot: string;
  /** Milliseconds since the epoch by the monitor's clock, which never steps. */
  now: number;
}

/** Monitor → worker, on a socket of their own, with one descriptor: the socket to a new dispatcher. */
export interface Handover {
  type: "handover";
}

/** Dispatcher → worker. */
export type WorkerRequest =
  /** The signed envelope as it came off the bus; the worker trusts nothing else. */
  | { type: "lease.open"; envelope: Uint8Array<ArrayBuffer> }
  /** In place of a lease: the list of revoked members as it came off the bus, to be verified and kept. */
  | { type: "trust.update"; list: string }
  /** Answers to the last `lease.prompt`, sealed as they came. */
  | { type: "lease.responses"; responses: Uint8Array }
  /** Losing the socket means the same as its `lease.close`. */
  | ChannelRequest;

/** Worker → dispatcher. */
export type WorkerReply =
  /** The signed answer for the gateway, and the lease's keys (32 bytes each) for the dispatcher. */
  | {
    type: "lease.answer";
    envelope: Uint8Array<ArrayBuffer>;
    suite: Suite;
    sendKey: Uint8Array<ArrayBuffer>;
    receiveKey: Uint8Array<ArrayBuffer>;
    login: string;
    gateway: string;
  }
  /** The envelope was not acceptable; nothing was run. */
  | { type: "lease.denied"; problem: Problem; cause: string }
  /** A PAM message for the person: shown on the lease's first PTY, before its shell. */
  | { type: "lease.notice"; text: string }
  /** PAM waits for answers. */
  | { type: "lease.prompt"; prompt: Prompt }
  /** From a dry run, until the last: PAM is closed then. */
  | DryRunMessage
  /** `login` as PAM left it. */
  | { type: "lease.accepted"; login: string }
  /** `text` is for the person, `cause` for the log. */
  | { type: "lease.refused"; problem: Problem; text: string; cause: string }
  /**
   * With descriptors: `[pty]`, or `[stdin, stdout, stderr]` ends of the dispatcher. `hushed`: the account does not want
   * to read notices.
   */
  | { type: "channel.opened"; channel: number; pid: number; tty: string; hushed: boolean }
  | { type: "channel.failed"; channel: number; problem: Problem; text: string; cause: string }
  | { type: "channel.exited"; channel: number; exit: ChannelExit }
  /** To a new dispatcher, first: what the lease is. As many `session.kept` follow. */
  | ({ type: "lease.resumed"; user: string; login: string; from: string; sessions: number } & Limits)
  /** With one descriptor, the PTY: a session on a terminal that has outlived the dispatcher before. */
  | { type: "session.kept"; channel: number; pid: number; ageMs: number }
  /** PAM is closed; the worker exits now. */
  | { type: "lease.closed" }
  | { type: "log"; level: LogLevel; message: string; properties: Record<string, unknown> };

/** When a lease ends by itself, as far as that has not passed yet. 0 is never. */
export type Limits = Pick<Grant, "idleTimeoutMs" | "ttlMs">;

export const logLevels = ["debug", "info", "warning", "error"] as const;
export type LogLevel = typeof logLevels[number];

export function encodeWorkerRequest(request: WorkerRequest | Assign | Handover): Uint8Array<ArrayBuffer> {
  switch (request.type) {
    case "lease.open":
      return encodeJson({ ...request, envelope: request.envelope.toBase64() });
    case "lease.responses":
      return encodeJson({ ...request, responses: request.responses.toBase64() });
    default:
      return encodeJson(request);
  }
}

export function encodeWorkerReply(reply: WorkerReply): object {
  if (reply.type !== "lease.answer") return reply;
  return {
    ...reply,
    envelope: reply.envelope.toBase64(),
    sendKey: reply.sendKey.toBase64(),
    receiveKey: reply.receiveKey.toBase64(),
  };
}

export function decodeAssign(bytes: Uint8Array): Assign {
  const fields = Fields.parse(bytes, maxRecordBytes, "assign");
  return {
    type: fields.oneOf("type", ["assign"]),
    lease: fields.matching("lease", isLeaseId, "32 hex digits"),
    boot: fields.matching("boot", isLeaseId, "32 hex digits"),
    now: fields.integer("now", 0, Number.MAX_SAFE_INTEGER),
  };
}

export function decodeHandover(bytes: Uint8Array): Handover {
  return { type: Fields.parse(bytes, maxRecordBytes, "handover").oneOf("type", ["handover"]) };
}

export function decodeWorkerRequest(bytes: Uint8Array): WorkerRequest {
  const fields = Fields.parse(bytes, maxRecordBytes);
  const type = fields.oneOf("type", [
    "lease.open",
    "trust.update",
    "lease.responses",
    ...channelRequestTypes,
  ]);
  switch (type) {
    case "lease.open":
      return { type, envelope: fields.bytes("envelope", maxEnvelopeBytes) };
    case "trust.update":
      return { type, list: fields.string("list", maxRevocationsBytes) };
    case "lease.responses":
      return { type, responses: fields.bytes("responses", maxEnvelopeBytes) };
    default:
      return decodeChannelRequest(type, fields);
  }
}

export function decodeWorkerReply(bytes: Uint8Array): WorkerReply {
  const fields = Fields.parse(bytes, maxRecordBytes);
  const type = fields.oneOf("type", [
    "lease.answer",
    "lease.denied",
    "lease.notice",
    "lease.prompt",
    "lease.report",
    "lease.tried",
    "lease.accepted",
    "lease.refused",
    "channel.opened",
    "channel.failed",
    "channel.exited",
    "lease.resumed",
    "session.kept",
    "lease.closed",
    "log",
  ]);
  switch (type) {
    case "lease.answer":
      return {
        type,
        envelope: fields.bytes("envelope", maxEnvelopeBytes),
        suite: fields.oneOf("suite", suites),
        sendKey: fields.bytes("sendKey", 32),
        receiveKey: fields.bytes("receiveKey", 32),
        login: fields.matching("login", isLogin, "a login"),
        gateway: fields.string("gateway", 64),
      };
    case "lease.denied":
      return { type, problem: decodeProblem(fields), cause: fields.string("cause", maxRecordBytes) };
    case "lease.notice":
      return { type, text: fields.string("text", maxRecordBytes) };
    case "lease.prompt":
      return { type, prompt: decodePrompt(fields.object("prompt")) };
    case "lease.report":
    case "lease.tried":
      return decodeDryRun(type, fields);
    case "lease.accepted":
      return { type, login: fields.matching("login", isLogin, "a login") };
    case "lease.refused":
      return {
        type,
        problem: decodeProblem(fields),
        text: fields.string("text", maxRecordBytes),
        cause: fields.string("cause", maxRecordBytes),
      };
    case "channel.opened":
      return {
        type,
        channel: channelNumber(fields),
        pid: fields.integer("pid", 1, 0x7fff_ffff),
        tty: fields.string("tty", 64),
        hushed: fields.boolean("hushed"),
      };
    case "channel.failed":
      return {
        type,
        channel: channelNumber(fields),
        problem: decodeProblem(fields),
        text: fields.string("text", maxRecordBytes),
        cause: fields.string("cause", maxRecordBytes),
      };
    case "channel.exited":
      return { type, channel: channelNumber(fields), exit: readChannelExit(fields.object("exit")) };
    case "lease.resumed":
      return {
        type,
        user: fields.string("user", 256),
        login: fields.matching("login", isLogin, "a login"),
        from: fields.string("from", 64),
        sessions: fields.integer("sessions", 0, maxSessionsListed),
        idleTimeoutMs: fields.integer("idleTimeoutMs", 0, maxGrantMs),
        ttlMs: fields.integer("ttlMs", 0, maxGrantMs),
      };
    case "session.kept":
      return {
        type,
        channel: channelNumber(fields),
        pid: fields.integer("pid", 1, maxSessionId),
        ageMs: fields.integer("ageMs", 0, Number.MAX_SAFE_INTEGER),
      };
    case "lease.closed":
      return { type };
    case "log":
      return {
        type,
        level: fields.oneOf("level", logLevels),
        message: fields.string("message", maxRecordBytes),
        properties: fields.record("properties"),
      };
  }
}

/** Dispatcher → monitor: a fixed record, one kind byte and the 16-byte lease id; all a hostile bus can make the root monitor read. */
export const monitorRequestBytes = 17;
export type MonitorRequest =
  /** Start a worker for a lease that was never asked for before. */
  | { type: "start"; lease: string }
  /** The lease's worker does not end: kill it, a janitor closes PAM. */
  | { type: "kill"; lease: string };

const requestKinds = { start: 1, kill: 2 } as const;

export function encodeMonitorRequest({ type, lease }: MonitorRequest): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(new ArrayBuffer(monitorRequestBytes));
  record[0] = requestKinds[type];
  record.set(Uint8Array.fromHex(lease), 1);
  return record;
}

/** @throws {ProtocolError} */
export function decodeMonitorRequest(record: Uint8Array): MonitorRequest {
  const lease = record.subarray(1).toHex();
  if (record.length === monitorRequestBytes && record[0] === requestKinds.start) {
    return { type: "start", lease };
  }
  if (record.length === monitorRequestBytes && record[0] === requestKinds.kill) {
    return { type: "kill", lease };
  }
  throw new ProtocolError("Cannot read a request to the monitor: it must be 17 bytes of kind 1 or 2");
}

/** Monitor → dispatcher. */
export type MonitorMessage =
  /** With one descriptor: the dispatcher's end of the worker's socket. */
  | { type: "worker.started"; lease: string; pid: number }
  | { type: "worker.refused"; lease: string; problem: Problem }
  /** With one descriptor, as `worker.started`: the worker was the dispatcher's before this one. */
  | { type: "worker.kept"; lease: string; pid: number }
  /** The worker process is gone; a janitor has closed PAM if it had to. */
  | { type: "worker.gone"; lease: string }
  /** No lease is to be opened any more; those there are go on. */
  | { type: "drain" }
  /** The monitor was asked to end, and does so now. */
  | { type: "stopping" }
  /** A newer list of revoked members, out of root's files. */
  | { type: "revocations"; list: string }
  /** A signed heartbeat to publish as it is. Boot id and number of the kept list in clear for the dispatcher's own use. */
  | { type: "heartbeat"; envelope: string; boot: string; revocations: number };

export function decodeMonitorMessage(bytes: Uint8Array): MonitorMessage {
  const fields = Fields.parse(bytes, maxRecordBytes);
  const type = fields.oneOf("type", [
    "worker.started",
    "worker.refused",
    "worker.kept",
    "worker.gone",
    "drain",
    "stopping",
    "revocations",
    "heartbeat",
  ]);
  const lease = () => fields.matching("lease", isLeaseId, "32 hex digits");
  switch (type) {
    case "worker.started":
    case "worker.kept":
      return { type, lease: lease(), pid: fields.integer("pid", 1, 0x7fff_ffff) };
    case "worker.refused":
      return { type, lease: lease(), problem: decodeProblem(fields) };
    case "worker.gone":
      return { type, lease: lease() };
    case "drain":
    case "stopping":
      return { type };
    case "revocations":
      return { type, list: fields.string("list", maxRevocationsBytes) };
    case "heartbeat":
      return {
        type,
        envelope: fields.string("envelope", maxEnvelopeBytes * 2),
        boot: fields.matching("boot", isLeaseId, "32 hex digits"),
        revocations: fields.integer("revocations", 0, Number.MAX_SAFE_INTEGER),
      };
  }
}
