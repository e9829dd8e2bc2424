/** Reads sallyport.yaml: all mistakes at once, or a checked {@link Config}. */

import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { readTextFile } from "../text_file.ts";
import { crossChecks } from "./cross_checks.ts";
import { ConfigError, type Path, place, sentences, type Source } from "./mistakes.ts";
import { type Config, schema } from "./schema.ts";
import { yamlMistake } from "./yaml_mistakes.ts";

/** Parses YAML, of version 1.2 unless the text says `%YAML 1.1`. @throws {ConfigError} */
export function parseYaml(text: string, file: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) {
    throw new ConfigError(errors.map((error) => `${file}:${yamlMistake(error, document, text, lines)}`));
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

/** A checked configuration, the file it came from, and where in it things stand. */
export interface ConfigFile {
  file: string;
  config: Config;
  /** `file:line:column` of a key, or of the nearest above it that is given. */
  placeOf: (path: Path) => string;
}

/** @param file Name for messages. @throws {ConfigError} */
export function parseConfigFile(text: string, file: string): ConfigFile {
  const source = parseYaml(text, file);
  const config = check(source, schema, valueOf(source));
  const mistakes = crossChecks(source, config);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { file, config, placeOf: (path) => place(source, path) };
}

/** As {@link parseConfigFile}, without the way back into the text. @throws {ConfigError} */
export function parseConfig(text: string, file: string): Config {
  return parseConfigFile(text, file).config;
}

/** @throws {ConfigError} Also when the file cannot be read */
export function loadConfig(file: string): ConfigFile {
  return parseConfigFile(readConfigFile(file), file);
}

/** @throws {ConfigError} */
export function readConfigFile(file: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    throw new ConfigError([cause instanceof Error ? cause.message : String(cause)]);
  }
}
