/** The client's half of the NATS protocol, parsed from whatever pieces the socket gives. Pure, and throws nothing. */

import { maxControlLineBytes, maxPayloadBytes } from "./limits.ts";

export type Command =
  | { kind: "connect"; options: Uint8Array }
  | { kind: "ping" }
  | { kind: "pong" }
  | { kind: "publish"; subject: string; reply: string | null; headerBytes: number; payload: Uint8Array }
  | { kind: "subscribe"; subject: string; queue: string | null; sid: string }
  | { kind: "unsubscribe"; sid: string; max: number | null }
  /** What came is no NATS; `text` is nats-server's name for it. Nothing follows. */
  | { kind: "broken"; text: string };

type Publish = Extract<Command, { kind: "publish" }>;

const smallBufferBytes = 16_384;
/** Room for several frames in one read; more costs memory and latency without being faster. */
const largeBufferBytes = 262_144;
const crlfBytes = 2;
const lineFeed = 10;
const carriageReturn = 13;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Owns the buffer that is read into, so that payloads are passed on as views of it.
 *
 * Read into {@link space}, then call {@link advance} with the number of bytes.
 */
export class CommandParser {
  #buffer = new Uint8Array(smallBufferBytes);
  #start = 0;
  #end = 0;
  /** The publish whose payload is not complete yet. */
  #publish: Publish | null = null;
  #payloadBytes = 0;
  #broken = false;

  /** Where the next bytes belong; never empty. */
  space(): Uint8Array {
    const needed = this.#publish ? this.#payloadBytes + crlfBytes : maxControlLineBytes + crlfBytes;
    if (this.#start === this.#end) this.#start = this.#end = 0;
    const outsized = !this.#publish && this.#end === 0 && this.#buffer.length > largeBufferBytes;
    if (outsized) this.#buffer = new Uint8Array(largeBufferBytes);
    if (this.#buffer.length - this.#start < needed || this.#end === this.#buffer.length) {
      this.#makeRoom(needed);
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Grows a buffer that reads fill to the brim, and moves what is left to the front. */
  #makeRoom(needed: number): void {
    const held = this.#end - this.#start;
    const full = this.#end === this.#buffer.length;
    const usual = Math.min(full ? this.#buffer.length * 4 : this.#buffer.length, largeBufferBytes);
    const size = Math.max(usual, needed, held + 1);
    const target = size === this.#buffer.length ? this.#buffer : new Uint8Array(size);
    if (target === this.#buffer) target.copyWithin(0, this.#start, this.#end);
    else target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = target;
    this.#start = 0;
    this.#end = held;
  }

  /** Takes `bytes` bytes of {@link space}. Views in commands are valid until `onCommand` returns. */
  advance(bytes: number, onCommand: (command: Command) => void): void {
    this.#end += bytes;
    while (!this.#broken) {
      const command = this.#publish ? this.#payload(this.#publish) : this.#line();
      if (command === null) return;
      if (command === "more") continue;
      this.#broken = command.kind === "broken";
      onCommand(command);
    }
    this.#start = this.#end = 0;
  }

  #payload(publish: Publish): Command | null {
    const end = this.#start + this.#payloadBytes;
    if (this.#end < end + crlfBytes) return null;
    const payload = this.#buffer.subarray(this.#start, end);
    if (this.#buffer[end] !== carriageReturn || this.#buffer[end + 1] !== lineFeed) return unknown;
    this.#start = end + crlfBytes;
    this.#publish = null;
    publish.payload = payload;
    return publish;
  }

  #line(): Command | "more" | null {
    const held = this.#buffer.subarray(this.#start, this.#end);
    const length = held.indexOf(lineFeed);
    if (length > maxControlLineBytes || (length < 0 && held.length > maxControlLineBytes)) {
      return { kind: "broken", text: "Maximum Control Line Exceeded" };
    }
    if (length < 0) return null;
    this.#start += length + 1;
    const text = decoder.decode(held.subarray(0, held[length - 1] === carriageReturn ? length - 1 : length));
    const command = parseLine(text);
    if (command.kind !== "incoming") return command;
    if (command.payloadBytes > maxPayloadBytes) return { kind: "broken", text: "Maximum Payload Violation" };
    this.#publish = command.publish;
    this.#payloadBytes = command.payloadBytes;
    return "more";
  }
}

const unknown: Command = { kind: "broken", text: "Unknown Protocol Operation" };
const empty = new Uint8Array(0);

function count(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : null;
}

type Incoming = { kind: "incoming"; publish: Publish; payloadBytes: number };

/** A control character in a subject would end up in the lines other clients parse. */
const controlCharacter = /[^\P{Cc}\t]/u;

function parseLine(line: string): Command | Incoming {
  if (controlCharacter.test(line)) return unknown;
  const gap = line.search(/[ \t]/);
  const operation = (gap < 0 ? line : line.slice(0, gap)).toUpperCase();
  const rest = gap < 0 ? "" : line.slice(gap).trim();
  switch (operation) {
    case "PUB":
      return parsePublish(words(rest), false);
    case "HPUB":
      return parsePublish(words(rest), true);
    case "SUB": {
      const given = words(rest);
      const [subject, queue, sid] = given.length === 2 ? [given[0], null, given[1]] : given;
      if (given.length > 3 || subject === undefined || queue === undefined || sid === undefined) {
        return unknown;
      }
      return { kind: "subscribe", subject, queue, sid };
    }
    case "UNSUB": {
      const [sid, limit, ...more] = words(rest);
      const max = limit === undefined ? null : count(limit);
      if (sid === undefined || more.length > 0 || (limit !== undefined && max === null)) return unknown;
      return { kind: "unsubscribe", sid, max: max === 0 ? null : max };
    }
    case "PING":
      return { kind: "ping" };
    case "PONG":
      return { kind: "pong" };
    case "CONNECT":
      return { kind: "connect", options: encoder.encode(rest) };
    default:
      return unknown;
  }
}

function words(text: string): string[] {
  return text === "" ? [] : text.split(/[ \t]+/);
}

/** `subject [reply] [headerBytes] totalBytes`. */
function parsePublish(given: string[], hasHeaders: boolean): Command | Incoming {
  const numbers = hasHeaders ? 2 : 1;
  const total = count(given.at(-1));
  const headers = hasHeaders ? count(given.at(-2)) : 0;
  const names = given.slice(0, -numbers);
  const [subject, reply = null] = names;
  if (total === null || headers === null || headers > total || names.length > 2 || subject === undefined) {
    return unknown;
  }
  const publish: Publish = { kind: "publish", subject, reply, headerBytes: headers, payload: empty };
  return { kind: "incoming", publish, payloadBytes: total };
}
