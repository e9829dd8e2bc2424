/** How one log record reads: a line for people on a terminal, or one line of JSON. Needs no npm package: root processes use it. */

import { type LogLevel, logLevels } from "./protocol/worker.ts";

export interface LogRecord {
  at: Date;
  level: LogLevel;
  /** Which process speaks: gateway, dispatcher, monitor, worker, broker, start. */
  service: string;
  /** May hold `{name}` placeholders for properties. */
  message: string;
  properties: Record<string, unknown>;
}

export type LogFormat = "human" | "json";

/** `auto` is human on a terminal and JSON everywhere else; logs go to stderr. */
export function chooseFormat(format: LogFormat | "auto"): LogFormat {
  if (format !== "auto") return format;
  return Deno.stderr.isTerminal() ? "human" : "json";
}

/** Names of properties whose values are never written, whoever logs them. */
const secretName = /pass(word|phrase)|secret|seed|private_?key|token|authorization/i;
const hidden = "(hidden)";

function plain(value: unknown, depth = 0): unknown {
  if (value instanceof Error) {
    const cause = value.cause === undefined ? "" : `: ${String(plain(value.cause, depth + 1))}`;
    return depth > 4 ? "…" : `${value.name}: ${value.message}${cause}`;
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > 4) return "…";
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  return plainProperties(value as Record<string, unknown>, depth);
}

function plainProperties(properties: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) =>
      secretName.test(name) ? [name, hidden] : [name, plain(value, depth + 1)]
    ),
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
}

// Logins and commands come from strangers: a terminal must not obey what they contain.
// deno-lint-ignore no-control-regex
const controlCharacters = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function harmless(line: string): string {
  return line.replace(
    controlCharacters,
    (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`,
  );
}

/** Fills the placeholders of `message`; returns the names it used as well. */
function render(
  message: string,
  properties: Record<string, unknown>,
): { rendered: string; used: Set<string> } {
  const used = new Set<string>();
  const rendered = message.replace(/\{([A-Za-z_]\w*)\}/g, (placeholder, name: string) => {
    if (!Object.hasOwn(properties, name)) return placeholder;
    used.add(name);
    return text(properties[name]);
  });
  return { rendered, used };
}

/** The sentence of a record alone, with its properties in their places. */
export function messageText(message: string, properties: Record<string, unknown>): string {
  return harmless(render(message, plainProperties(properties)).rendered);
}

/** One line without its line feed. A value named like a secret is never written. */
export function formatRecord(record: LogRecord, format: LogFormat): string {
  const properties = plainProperties(record.properties);
  const { rendered, used } = render(record.message, properties);
  const at = record.at.toISOString();
  if (format === "json") {
    const { level, service } = record;
    return JSON.stringify({ at, level, service, message: rendered, ...withoutEmpty(properties) });
  }
  const rest = Object.entries(properties)
    .filter(([name]) => !used.has(name))
    .map(([name, value]) => ` ${name}=${text(value)}`)
    .join("");
  const time = at.slice(0, 19).replace("T", " ");
  return harmless(`${time} ${record.level.padEnd(7)} ${record.service.padEnd(10)} ${rendered}${rest}`);
}

function withoutEmpty(properties: Record<string, unknown>): { properties?: Record<string, unknown> } {
  return Object.keys(properties).length === 0 ? {} : { properties };
}

/** Writes one record. */
export type Log = (level: LogLevel, message: string, properties?: Record<string, unknown>) => void;

/** A log of lines on stderr for a process without npm code; records below `logLevel` are left out. */
export function openLineLog(
  service: string,
  { logLevel, logFormat }: { logLevel: LogLevel; logFormat: LogFormat | "auto" },
): Log {
  const format = chooseFormat(logFormat);
  const encoder = new TextEncoder();
  return (level, message, properties = {}) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(logLevel)) return;
    const line = formatRecord({ at: new Date(), level, service, message, properties }, format);
    try {
      Deno.stderr.writeSync(encoder.encode(`${line}\n`));
    } catch {
      // Nobody reads the log any more; the sessions go on.
    }
  };
}
