/** The PAM keys of Teleport's configuration, wherever the guide put them. */

import { check, parseYaml, readConfigFile, valueOf } from "./load.ts";
import { ConfigError, pathText, place, type Source } from "./mistakes.ts";
import { type Config, type PamConfig, pamSchema } from "./schema.ts";
import { z } from "zod";

/** The PAM keys of sallyport.yaml: at top level or nested under `teleport`, else their defaults. */
export function pamOf(config: Config): PamConfig {
  return config.ssh_service?.pam ?? config.teleport?.ssh_service?.pam ?? pamSchema.parse({});
}

const locations = [["ssh_service", "pam"], ["teleport", "ssh_service", "pam"]];

/**
 * Reads only `ssh_service.pam` of a teleport.yaml; everything else there is Teleport's business.
 *
 * @param file Name for messages
 * @throws {ConfigError}
 */
export function parseTeleportPam(text: string, file: string): PamConfig {
  const source = parseYaml(text, file);
  const whole = valueOf(source);
  const present = locations.filter((path) => source.document.hasIn(path));
  if (present.length > 1) throw new ConfigError([twice(source, present[1] ?? [])]);
  const path = present[0];
  if (path === undefined) return pamSchema.parse({});
  // Nested in loose maps, so that paths and positions in messages are those of the file.
  const against = path.reduceRight<z.ZodType>((inner, key) => z.looseObject({ [key]: inner }), pamSchema);
  check(source, against, whole);
  return pamSchema.parse(pick(whole, path));
}

/** @throws {ConfigError} */
export function loadTeleportPam(file: string): PamConfig {
  return parseTeleportPam(readConfigFile(file), file);
}

function twice(source: Source, path: string[]): string {
  return `${place(source, path, true)}: ${
    pathText(path)
  } must not be given beside a top-level ssh_service.pam; keep one`;
}

function pick(value: unknown, path: string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], value);
}
