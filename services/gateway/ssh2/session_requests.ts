/**
 * Channel requests of a session (RFC 4254 §6), from the bytes on the wire to the session's events.
 *
 * Stock (lib/server.js CHANNEL_REQUEST, lib/protocol/handlers.misc.js): after the shell has started, requests are
 * dropped without the answer they ask for, and `break` is never seen; after the client's EOF even a window change is
 * refused; terminal modes are never parsed, and some end the connection; commands and variables are decoded as UTF-8,
 * which is not reversible; and CHANNEL_SUCCESS goes out before anyone knows whether the command can start.
 */

import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { findChannel, findSession, type SshClient, type SshSession } from "./internals.ts";
import { WireReader } from "./wire_reader.ts";

/** `pty-req`; sizes as the client named them, pixels may be 0. */
export interface PtyInfo {
  term: string;
  cols: number;
  rows: number;
  /** Pixels */
  width: number;
  /** Pixels */
  height: number;
  /** Encoded terminal modes exactly as they were sent (RFC 4254 §8). */
  rawModes: Uint8Array;
}

export interface EnvironmentInfo {
  key: string;
  value: string;
}

export interface ExecInfo {
  /** As UTF-8; what is not becomes U+FFFD. */
  command: string;
  /** As sent. */
  rawCommand: Uint8Array;
}

/** A channel that runs already while the client still waits to hear whether its request succeeded. */
export interface DeferredChannel {
  channel: ServerChannel;
  /** CHANNEL_SUCCESS */
  succeed(): void;
  /** CHANNEL_FAILURE; the channel stays open until it is closed. */
  fail(): void;
}

type Start = (deferred: boolean) => { channel: ServerChannel; answer: (ok: boolean) => void } | undefined;
const starts = new WeakMap<() => unknown, Start>();

/**
 * Accepts `shell`, `exec` or `subsystem` without answering yet: bytes of the client are kept from now on, and the
 * answer is sent by `succeed()` or `fail()`, in order with the answers to later requests.
 *
 * @param accept The first argument of the event
 * @returns `undefined` when the session is over or has started already
 */
export function acceptLater(accept: () => ServerChannel): DeferredChannel | undefined {
  const started = starts.get(accept)?.(true);
  if (!started) return undefined;
  const { channel, answer } = started;
  return { channel, succeed: () => answer(true), fail: () => answer(false) };
}

/** Answers of one session in the order of its requests: CHANNEL_SUCCESS names no request (RFC 4254 §5.4). */
class Answers {
  readonly #waiting: { ok: boolean | undefined }[] = [];
  readonly #send: (ok: boolean) => void;

  constructor(send: (ok: boolean) => void) {
    this.#send = send;
  }

  /** Takes the next place; the returned function answers it once. */
  reserve(): (ok: boolean) => void {
    const place: { ok: boolean | undefined } = { ok: undefined };
    this.#waiting.push(place);
    return (ok) => {
      place.ok ??= ok;
      while (this.#waiting[0]?.ok !== undefined) this.#send(this.#waiting.shift()!.ok!);
    };
  }
}

/** Requests that only pass on data; `null` when the type is not one of them. */
function readRequest(type: string, data: WireReader): { event: string; info: unknown[] } | null {
  switch (type) {
    case "pty-req": {
      const term = data.text();
      const [cols, rows, width, height] = [data.uint32(), data.uint32(), data.uint32(), data.uint32()];
      const rawModes = data.copy();
      return { event: "pty", info: [{ term, cols, rows, width, height, rawModes }] };
    }
    case "window-change": {
      const [cols, rows, width, height] = [data.uint32(), data.uint32(), data.uint32(), data.uint32()];
      return { event: "window-change", info: [{ cols, rows, width, height }] };
    }
    case "env":
      return { event: "env", info: [{ key: data.text(), value: data.text() }] };
    case "signal":
      return { event: "signal", info: [{ name: data.text() }] };
    case "break":
      return { event: "break", info: [{ lengthMs: data.uint32() }] };
    case "x11-req": {
      const single = data.boolean();
      const protocol = data.text();
      return { event: "x11", info: [{ single, protocol, cookie: data.copy(), screen: data.uint32() }] };
    }
    case "auth-agent-req@openssh.com":
      return { event: "auth-agent", info: [] };
    case "eow@openssh.com":
      return { event: "eow", info: [] };
    default:
      return null;
  }
}

/** Requests that start the session. */
function readStart(type: string, data: WireReader): { event: string; info: unknown[] } | null {
  switch (type) {
    case "shell":
      return { event: "shell", info: [] };
    case "exec": {
      const rawCommand = data.copy();
      return { event: "exec", info: [{ command: new TextDecoder().decode(rawCommand), rawCommand }] };
    }
    case "subsystem":
      return { event: "subsystem", info: [{ name: data.text() }] };
    default:
      return null;
  }
}

/** Reads SSH_MSG_CHANNEL_REQUEST in stock's place. @throws {ProtocolViolation} */
export function sessionRequests(
  client: SshClient,
  startChannel: (session: SshSession, subtype: string) => ServerChannel | undefined,
): (payload: Buffer) => void {
  const { _protocol: protocol } = client;
  const answersOf = new WeakMap<SshSession, Answers>();

  const answers = (session: SshSession): Answers => {
    let found = answersOf.get(session);
    if (!found) {
      const { outgoing } = session._chanInfo;
      found = new Answers((ok) => {
        if (!protocol._destruct || outgoing.state === "closing" || outgoing.state === "closed") return;
        if (ok) protocol.channelSuccess(outgoing.id);
        else protocol.channelFailure(outgoing.id);
      });
      answersOf.set(session, found);
    }
    return found;
  };

  return (payload) => {
    const reader = new WireReader(payload, 1);
    const recipient = reader.uint32();
    const type = reader.text();
    const wantReply = reader.boolean();
    const session = findSession(client, recipient);
    if (!session) {
      const channel = findChannel(client, recipient);
      if (channel && wantReply) protocol.channelFailure(channel.outgoing.id);
      return;
    }
    const answer = wantReply ? answers(session).reserve() : () => {};
    const reject = () => answer(false);

    const request = readRequest(type, reader);
    if (request) {
      const accept = () => answer(true);
      if (!session.emit(request.event, accept, reject, ...request.info)) reject();
      return;
    }
    const begin = readStart(type, reader);
    if (!begin || session._channel) return reject();
    const start: Start = (deferred) => {
      const channel = startChannel(session, begin.event);
      if (!channel) return undefined;
      if (!deferred) answer(true);
      return { channel, answer };
    };
    const accept = () => start(false)?.channel;
    starts.set(accept, start);
    if (!session.emit(begin.event, accept, reject, ...begin.info)) reject();
  };
}
