/** Reads sallyport.yaml: all mistakes at once, or a checked {@link Config}. */

import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { crossChecks } from "./cross_checks.ts";
import { ConfigError, sentences, type Source } from "./mistakes.ts";
import { type Config, schema } from "./schema.ts";

/** Parses YAML, of version 1.2 unless the text says `%YAML 1.1`. @throws {ConfigError} */
export function parseYaml(text: string, file: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) {
    throw new ConfigError(errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `${file}:${line}:${col}: ${error.message.replace(/\.$/, "")}`;
    }));
  }
  return { file, document, lines };
}

/** Checks a parsed file against a schema. @throws {ConfigError} */
export function check<T extends z.ZodType>(source: Source, against: T, value: unknown): z.output<T> {
  const result = against.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap((issue) => sentences(source, against, issue));
  throw new ConfigError(mistakes.sort((one, other) => one.localeCompare(other, "en", { numeric: true })));
}

/** The value of the whole file; an empty file is an empty map. @throws {ConfigError} When an alias cannot be resolved */
export function valueOf(source: Source): unknown {
  try {
    return source.document.toJS() ?? {};
  } catch (cause) {
    throw new ConfigError([`${source.file}:1:1: Cannot resolve the file's aliases: ${String(cause)}`]);
  }
}

/** @param file Name for messages. @throws {ConfigError} */
export function parseConfig(text: string, file: string): Config {
  const source = parseYaml(text, file);
  const config = check(source, schema, valueOf(source));
  const mistakes = crossChecks(source, config);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

/** @throws {ConfigError} Also when the file cannot be read */
export function loadConfig(file: string): Config {
  return parseConfig(readConfigFile(file), file);
}

/** @throws {ConfigError} */
export function readConfigFile(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(file));
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound
      ? "there is no such file"
      : cause instanceof TypeError
      ? "it is not UTF-8 text"
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new ConfigError([`Cannot read ${file}: ${reason}`]);
  }
}
