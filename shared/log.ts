/** Structured logging for processes that may load npm packages; one line per record on stderr. */

import { configureSync, getLogger, type LogRecord as LogTapeRecord, type Sink } from "@logtape/logtape";
import { chooseFormat, type LogFormat, type LogRecord } from "./log_record.ts";
import { formatRecord } from "./log_record.ts";
import type { LogLevel } from "./protocol/worker.ts";

export { getLogger };
export type { Logger } from "@logtape/logtape";

export interface LogOptions {
  service: string;
  level: LogLevel;
  format: LogFormat | "auto";
}

const encoder = new TextEncoder();

function levelOf(level: LogTapeRecord["level"]): LogLevel {
  if (level === "trace") return "debug";
  return level === "fatal" ? "error" : level;
}

function recordOf(service: string, record: LogTapeRecord): LogRecord {
  return {
    at: new Date(record.timestamp),
    level: levelOf(record.level),
    service,
    message: typeof record.rawMessage === "string" ? record.rawMessage : record.message.map(String).join(""),
    properties: record.properties,
  };
}

/** Deno exports what goes through `console` when OTEL_DENO is set, with the method as severity. */
const consoleMethods: Record<LogLevel, (line: string) => void> = {
  debug: (line) => console.debug(line),
  info: (line) => console.info(line),
  warning: (line) => console.warn(line),
  error: (line) => console.error(line),
};

function lineSink(options: LogOptions): Sink {
  const format = chooseFormat(options.format);
  const telemetry = Deno.env.get("OTEL_DENO") === "true";
  return (record) => {
    const own = recordOf(options.service, record);
    const line = formatRecord(own, format);
    if (telemetry) consoleMethods[own.level](line);
    else writeLine(line);
  };
}

function writeLine(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  try {
    for (let written = 0; written < bytes.length;) written += Deno.stderr.writeSync(bytes.subarray(written));
  } catch {
    // A log nobody reads any more must not end a session.
  }
}

/** Sends everything below the `sallyport` category to stderr. Calling it again replaces what was set. */
export function setUpLogging(options: LogOptions): void {
  configureSync({
    reset: true,
    sinks: { lines: lineSink(options) },
    loggers: [
      { category: ["sallyport"], lowestLevel: options.level, sinks: ["lines"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["lines"] },
    ],
  });
}
