/** User nkeys: Ed25519 keys in the encoding of NATS, one for each identity on the bus. */

import { createUser, fromSeed } from "@nats-io/nkeys";

export interface Nkey {
  /** `SU…`: secret. */
  seed: string;
  /** `U…`: what the broker's list names. */
  publicKey: string;
}

/** Makes a new random key. */
export function createNkey(): Nkey {
  const pair = createUser();
  const nkey = { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
  pair.clear();
  return nkey;
}

/** Whether `text` is the seed of a user, checksum included. */
export function isUserSeed(text: string): boolean {
  if (!/^SU[A-Z2-7]{56}$/.test(text)) return false;
  try {
    fromSeed(new TextEncoder().encode(text)).clear();
    return true;
  } catch {
    return false;
  }
}
