/** What a process proves itself to the bus with, read from files while it may still read them. */

import type { BusSettings } from "../config/host_settings.ts";
import { readTextFile } from "../text_file.ts";
import { isUserSeed } from "./nkeys.ts";

export interface BusCredentials {
  /** The nkey seed as in its file (`SU…`), or null for a server that asks for none. */
  nkeySeed: Uint8Array | null;
  /** PEM texts, or null where TLS is not asked for. */
  tls: { ca: string | null; cert: string | null; key: string | null } | null;
}

function read(path: string | null): string | null {
  return path === null ? null : readTextFile(path);
}

/**
 * Reads seed and certificates at once, so that the caller may drop its privileges before it connects.
 *
 * @throws {Error} If a file cannot be read or the seed is none
 */
export function readBusCredentials(settings: BusSettings): BusCredentials {
  const { nkeySeedFile, tls } = settings;
  const seed = read(nkeySeedFile)?.trim() ?? null;
  if (seed !== null && !isUserSeed(seed)) {
    throw new Error(
      `Cannot use ${nkeySeedFile}: it must hold the seed of a user nkey, which starts with SU; copy it again, whole`,
    );
  }
  return {
    nkeySeed: seed === null ? null : new TextEncoder().encode(seed),
    tls: tls && { ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) },
  };
}
