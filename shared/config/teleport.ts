/** The PAM keys of Teleport's configuration, wherever the guide put them. */

import { check, type ConfigFile, parseYaml, readConfigFile, valueOf } from "./load.ts";
import { ConfigError, pathText, place, type Source } from "./mistakes.ts";
import { type Config, type PamConfig, pamSchema } from "./schema.ts";
import { z } from "zod";

/** The PAM keys of sallyport.yaml: at top level or nested under `teleport`, else their defaults. */
export function pamOf(config: Config): PamConfig {
  return config.ssh_service?.pam ?? config.teleport?.ssh_service?.pam ?? pamSchema.parse({});
}

/** The PAM keys, and where each of them stands. */
export interface PamKeys {
  pam: PamConfig;
  /** `file:line:column` of a key below `pam`, or of what is nearest to it. */
  placeOf: (key: string) => string;
}

/** {@link pamOf} of a configuration, with places. */
export function pamKeysOf({ config, placeOf }: ConfigFile): PamKeys {
  const path = config.ssh_service || !config.teleport?.ssh_service ? locations[0] : locations[1];
  return { pam: pamOf(config), placeOf: (key) => placeOf([...path ?? [], key]) };
}

const locations = [["ssh_service", "pam"], ["teleport", "ssh_service", "pam"]];

/**
 * Reads only `ssh_service.pam` of a teleport.yaml; everything else there is Teleport's business.
 *
 * @param file Name for messages
 * @throws {ConfigError}
 */
export function parseTeleportPam(text: string, file: string): PamKeys {
  const source = parseYaml(text, file);
  const whole = valueOf(source);
  const present = locations.filter((path) => source.document.hasIn(path));
  if (present.length > 1) throw new ConfigError([twice(source, present[1] ?? [])]);
  const path = present[0];
  if (path === undefined) return { pam: pamSchema.parse({}), placeOf: () => place(source, []) };
  // Nested in loose maps, so that paths and positions in messages are those of the file.
  const against = path.reduceRight<z.ZodType>((inner, key) => z.looseObject({ [key]: inner }), pamSchema);
  check(source, against, whole);
  return {
    pam: pamSchema.parse(pick(whole, path)),
    placeOf: (key) => place(source, [...path, key]),
  };
}

/** @throws {ConfigError} */
export function loadTeleportPam(file: string): PamKeys {
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
