/** What a process proves itself to the bus with, read from files while it may still read them. */

import type { BusSettings } from "../config/host_settings.ts";

export interface BusCredentials {
  /** The nkey seed as in its file (`SU…`), or null for a server that asks for none. */
  nkeySeed: Uint8Array | null;
  /** PEM texts, or null where TLS is not asked for. */
  tls: { ca: string | null; cert: string | null; key: string | null } | null;
}

function read(path: string | null): string | null {
  if (path === null) return null;
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw new Error(`Cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/**
 * Reads seed and certificates at once, so that the caller may drop its privileges before it connects.
 *
 * @throws {Error} If a file cannot be read or the seed is none
 */
export function readBusCredentials(settings: BusSettings): BusCredentials {
  const { nkeySeedFile, tls } = settings;
  const seed = read(nkeySeedFile)?.trim() ?? null;
  if (seed !== null && !/^SU[A-Z2-7]{56}$/.test(seed)) {
    throw new Error(`Cannot use ${nkeySeedFile}: it must hold the seed of a user nkey, which starts with SU`);
  }
  return {
    nkeySeed: seed === null ? null : new TextEncoder().encode(seed),
    tls: tls && { ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) },
  };
}
