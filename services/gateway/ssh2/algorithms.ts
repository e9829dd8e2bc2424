/** What we offer in KEXINIT: the one table of the gateway's algorithm policy. */

import type { HostKeys } from "./host_keys.ts";
import { KexInit, type KexOffer } from "./internals.ts";

/** Hybrid post-quantum key exchange, draft-ietf-sshm-mlkem-hybrid-kex; what OpenSSH 10 asks for first. */
export const mlkemKex = "mlkem768x25519-sha256";

/**
 * Left out, with the reason: finite-field groups (12-480 ms of CPU per handshake on Deno, before authentication),
 * nistp384/521 (nobody needs them, Deno has no secp521r1), anything with SHA-1 or CBC.
 */
const kex = [
  mlkemKex,
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  // Terrapin (CVE-2023-48795); a marker, not a method
  "kex-strict-s-v00@openssh.com",
];

const ciphers = [
  "chacha20-poly1305@openssh.com",
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "aes256-ctr",
  "aes192-ctr",
  "aes128-ctr",
];

const macs = [
  "hmac-sha2-256-etm@openssh.com",
  "hmac-sha2-512-etm@openssh.com",
  // Encrypt-and-MAC: for libssh2 and PuTTY before 0.79, which know no other
  "hmac-sha2-256",
  "hmac-sha2-512",
];

/** No compression: ssh2's inflate has no limit on what a small packet grows to. */
const compression = ["none"];

/** Signature algorithms for user keys, told to the client by EXT_INFO (RFC 8308 §3.1): no SHA-1, no DSA. */
export const userSignatureAlgorithms = [
  "ssh-ed25519",

  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",

  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Names under which a host key of `type` signs; a key of another type is not used. */
export const hostKeyAlgorithms: Record<string, string[]> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** The KEXINIT of a server that holds these host keys. */
export function kexOffer(hostKeys: HostKeys): KexOffer {
  const direction = { cipher: ciphers, mac: macs, compress: compression, lang: [] };
  return new KexInit({ kex, serverHostKey: Object.keys(hostKeys.byAlgorithm), cs: direction, sc: direction });
}
