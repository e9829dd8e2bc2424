/**
 * Packet ciphers on libcrypto in place of ssh2's own.
 *
 * Stock: `lib/protocol/crypto.js` uses node:crypto, whose AES-GCM on Deno runs at an eighth of libcrypto's speed, and
 * Poly1305 in WebAssembly. ssh2 keeps createCipher to itself, so the replacement happens where the result is stored:
 * the connection's `_cipher` and `_decipher` are accessors that put ours in the place of what ssh2 made.
 */

import type { HostKey, KeyExchange, PacketCipher, PacketDecipher, Protocol } from "../internals.ts";
import { CIPHER_INFO, MAC_INFO } from "../internals.ts";
import { ChaChaPoly } from "./chacha_poly.ts";
import { CtrHmac } from "./ctr_hmac.ts";
import { FramingDecipher, type Opener } from "./framing.ts";
import { Gcm } from "./gcm.ts";
import { deriveKey, type ExchangeOutcome } from "./keys.ts";
import { type Sealer, SealingCipher } from "./sealing.ts";

/** Letters of RFC 4253 §7.2 by direction. */
const clientToServer = { iv: "A", key: "C", mac: "E" };
const serverToClient = { iv: "B", key: "D", mac: "F" };

/** What one key exchange has shown of itself so far; K and H are not kept anywhere else. */
export class ExchangeWitness {
  #secret: ExchangeOutcome["secret"] | undefined;
  #exchangeHash: ExchangeOutcome["exchangeHash"] | undefined;

  /** Notes K as `exchange` computes it. */
  watch(exchange: KeyExchange): void {
    const computeSecret = exchange.computeSecret.bind(exchange);
    exchange.computeSecret = (clientPublicKey) => {
      const secret = computeSecret(clientPublicKey);
      this.#secret = secret instanceof Error ? undefined : secret;
      return secret;
    };
  }

  /** The same host keys, noting H, which is what they are asked to sign. */
  hostKeys(byAlgorithm: Readonly<Record<string, HostKey>>): Record<string, HostKey> {
    const watched = Object.entries(byAlgorithm).map(([algorithm, key]): [string, HostKey] => [algorithm, {
      type: key.type,
      getPublicSSH: () => key.getPublicSSH(),
      getPrivatePEM: () => key.getPrivatePEM(),
      sign: (data, hashAlgorithm) => {
        this.#exchangeHash = data;
        return key.sign(data, hashAlgorithm);
      },
    }]);
    return Object.fromEntries(watched);
  }

  outcome(exchange: KeyExchange): ExchangeOutcome | undefined {
    const { hashName, sessionID: sessionId } = exchange;
    if (!this.#secret || !this.#exchangeHash || !sessionId) return undefined;
    return { hashName, secret: this.#secret, exchangeHash: this.#exchangeHash, sessionId };
  }

  /** Both directions have their keys. */
  forget(): void {
    this.#secret = undefined;
    this.#exchangeHash = undefined;
  }
}

function makeSuite(
  outcome: ExchangeOutcome,
  names: { cipher: string; mac: string },
  letters: { iv: string; key: string; mac: string },
): (Sealer & Opener) | undefined {
  const info = CIPHER_INFO[names.cipher];
  if (!info) return undefined;
  const key = deriveKey(outcome, letters.key, info.keyLen);
  if (info.sslName === "chacha20") return new ChaChaPoly(key);
  const iv = deriveKey(outcome, letters.iv, info.ivLen);
  if (info.sslName.endsWith("-gcm")) return new Gcm(key, iv);
  const mac = MAC_INFO[names.mac];
  if (!info.sslName.endsWith("-ctr") || !mac) return undefined;
  return new CtrHmac(key, iv, mac, deriveKey(outcome, letters.mac, mac.len));
}

/** From the next key exchange on, `protocol` encrypts with libcrypto. */
export function useLibcrypto(protocol: Protocol, witness: ExchangeWitness): void {
  let cipher = protocol._cipher;
  let decipher = protocol._decipher;

  const sealing = (stock: PacketCipher): PacketCipher => {
    const outcome = protocol._kex && witness.outcome(protocol._kex);
    const suite = outcome && makeSuite(outcome, protocol._kex!.negotiated.sc, serverToClient);
    if (!suite) return stock;
    witness.forget();
    stock.free();
    return new SealingCipher(suite, stock.outSeqno, (packet) => protocol._onWrite(packet));
  };
  const opening = (stock: PacketDecipher): PacketDecipher => {
    const outcome = protocol._kex && witness.outcome(protocol._kex);
    const suite = outcome && makeSuite(outcome, protocol._kex!.negotiated.cs, clientToServer);
    if (!suite) return stock;
    stock.free();
    return new FramingDecipher(suite, stock.inSeqno, stock._onPayload);
  };

  Object.defineProperty(protocol, "_cipher", {
    get: () => cipher,
    set: (stock: PacketCipher) => cipher = sealing(stock),
  });
  Object.defineProperty(protocol, "_decipher", {
    get: () => decipher,
    set: (stock: PacketDecipher) => decipher = opening(stock),
  });
}
