/** The gateway's host keys. ssh2 offers `ssh-rsa` (SHA-1) for every RSA key (lib/server.js); this list does not. */

import { hostKeyAlgorithms } from "./algorithms.ts";
import { repairEcdsaKey } from "./ecdsa_host_key.ts";
import { type HostKey, parseKey } from "./internals.ts";

export interface HostKeys {
  /** By signature algorithm, in the order they are offered. */
  readonly byAlgorithm: Readonly<Record<string, HostKey>>;
  /** Each key once. */
  readonly keys: readonly HostKey[];
}

/**
 * Reads OpenSSH private keys. ed25519 is offered first, then ecdsa, then rsa, whatever the order of `pemTexts`;
 * of two keys of one type the first is used.
 *
 * @param names What the texts are called in messages, such as their files
 * @throws {TypeError} If a text is not a private key, or its type is not one we offer
 */
export function loadHostKeys(
  pemTexts: string[],
  names = pemTexts.map((_, index) => `host key ${index + 1}`),
): HostKeys {
  const byType = new Map<string, HostKey>();
  for (const [index, text] of pemTexts.entries()) {
    const parsed = parseKey(text);
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    if (key instanceof Error || !key || key.getPrivatePEM() === null) {
      const reason = key instanceof Error ? key.message : "it is not a private key";
      throw new TypeError(
        `Cannot use ${names[index]}: ${reason}; make a key without passphrase with ssh-keygen -t ed25519`,
      );
    }
    if (!Object.hasOwn(hostKeyAlgorithms, key.type)) {
      throw new TypeError(`Cannot use ${names[index]}: its type is ${key.type}, not ed25519, ecdsa or rsa`);
    }
    if (byType.has(key.type)) continue;
    byType.set(key.type, key.type === "ecdsa-sha2-nistp256" ? repairEcdsaKey(key) : key);
  }
  if (byType.size === 0) throw new TypeError("Cannot start without a host key");
  const byAlgorithm: Record<string, HostKey> = {};
  const keys: HostKey[] = [];
  for (const [type, algorithms] of Object.entries(hostKeyAlgorithms)) {
    const key = byType.get(type);
    if (!key) continue;
    keys.push(key);
    for (const algorithm of algorithms) byAlgorithm[algorithm] = key;
  }
  return { byAlgorithm, keys };
}
