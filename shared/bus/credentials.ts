/** What a process proves itself to the bus with, read from files while it may still read them. */

import type { BusSettings } from "../config/host_settings.ts";
import { readTextFile } from "../text_file.ts";
import { isUserSeed } from "./nkeys.ts";

export interface BusCredentials {
  /** The nkey seed as in its file (`SU…`), or null for a server that asks for none, or for a JWT. */
  nkeySeed: Uint8Array | null;
  /** A whole .creds file, JWT and seed, for a server in operator mode. */
  creds?: Uint8Array;
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
  const secret = read(nkeySeedFile)?.trim() ?? null;
  const isCreds = secret !== null && isCredsText(secret);
  if (secret !== null && !isCreds && !isUserSeed(secret)) {
    throw new Error(
      `Cannot use ${nkeySeedFile}: it must hold the seed of a user nkey, which starts with SU, or be a .creds file of NATS; copy it again, whole`,
    );
  }
  const bytes = secret === null ? null : new TextEncoder().encode(secret);
  return {
    nkeySeed: isCreds ? null : bytes,
    ...(isCreds && bytes && { creds: bytes }),
    tls: tls && { ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) },
  };
}

/** Whether `text` is what `nsc generate creds` writes: a JWT and the seed that belongs to it, between lines of dashes. */
function isCredsText(text: string): boolean {
  const [, jwt, seed] =
    /-----BEGIN NATS USER JWT-----\s+(\S+)\s+-+END NATS USER JWT-+[\s\S]*-----BEGIN USER NKEY SEED-----\s+(\S+)\s+-+END USER NKEY SEED-+/
      .exec(text) ?? [];
  return jwt !== undefined && jwt.split(".").length === 3 && seed !== undefined && isUserSeed(seed);
}
