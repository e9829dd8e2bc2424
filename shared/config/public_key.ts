/** Checks a line of authorized_keys(5) before anybody relies on it. */

import { Buffer } from "node:buffer";

/** Key types whose signatures the gateway can verify. */
export const publicKeyTypes: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/**
 * Whether `line` is `type base64 [comment]` and the blob really is a key of that type (RFC 4253 §6.6).
 *
 * Options in front (`command="…"`, `restrict`) are refused: honouring the key while ignoring them would fail open.
 */
export function isPublicKeyLine(line: string): boolean {
  if (/[\r\n\0]/.test(line)) return false;
  const [type = "", base64 = ""] = line.trim().split(/\s+/);
  if (!publicKeyTypes.includes(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return false;
  const blob = Buffer.from(base64, "base64");
  const fields = fieldsOf(blob);
  return fields !== null && fields.length >= 2 && Buffer.from(fields[0] ?? []).toString() === type;
}

/** The length-prefixed strings of an SSH blob (RFC 4251 §5), or `null` when lengths and bytes disagree. */
function fieldsOf(blob: Uint8Array): Uint8Array[] | null {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const fields: Uint8Array[] = [];
  let offset = 0;
  while (offset < blob.length) {
    if (offset + 4 > blob.length) return null;
    const end = offset + 4 + view.getUint32(offset);
    if (end > blob.length) return null;
    fields.push(blob.subarray(offset + 4, end));
    offset = end;
  }
  return fields;
}
