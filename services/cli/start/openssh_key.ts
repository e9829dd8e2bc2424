/** Makes Ed25519 keys in OpenSSH's own format: a bare machine may have no ssh-keygen. */

import { Buffer } from "node:buffer";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createOnce, writeWhole } from "../state_files.ts";

export interface OpensshKey {
  /** `-----BEGIN OPENSSH PRIVATE KEY-----` …, without passphrase. */
  privateText: string;
  /** One line as in authorized_keys(5). */
  publicLine: string;
}

const keyType = "ssh-ed25519";
/** Cipher block size of the "none" cipher: the private section is padded to it (PROTOCOL.key §3). */
const blockBytes = 8;

function sshString(value: Uint8Array | string): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A new key pair; `comment` ends both texts. Format: openssh-portable/PROTOCOL.key, RFC 8709 §4. */
export function generateOpensshKey(comment: string): OpensshKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const jwk = privateKey.export({ format: "jwk" });
  const publicBytes = Buffer.from(jwk.x ?? "", "base64url");
  const seed = Buffer.from(jwk.d ?? "", "base64url");
  const publicBlob = Buffer.concat([sshString(keyType), sshString(publicBytes)]);
  const checkBytes = randomBytes(4);
  const plain = Buffer.concat([
    checkBytes,
    checkBytes,
    publicBlob,
    sshString(Buffer.concat([seed, publicBytes])),
    sshString(comment),
  ]);
  const padding = Buffer.from(
    Array.from({ length: (blockBytes - plain.length % blockBytes) % blockBytes }, (_, i) => i + 1),
  );
  const oneKey = Buffer.from([0, 0, 0, 1]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    sshString("none"),
    sshString("none"),
    sshString(""),
    oneKey,
    sshString(publicBlob),
    sshString(Buffer.concat([plain, padding])),
  ]);
  const base64Lines = file.toString("base64").replace(/.{70}/g, "$&\n").trimEnd();
  return {
    privateText: `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64Lines}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicLine: `${keyType} ${publicBlob.toString("base64")} ${comment}`,
  };
}

/** Writes such a key, and its public line beside it as `FILE.pub`, unless it is there. @throws {Failure} */
export function makeOpensshKey(file: string, comment: string): void {
  createOnce(file, 0o600, () => {
    const { privateText, publicLine } = generateOpensshKey(comment);
    writeWhole(`${file}.pub`, 0o644, `${publicLine}\n`);
    return privateText;
  });
}
