/** `publickey` (RFC 4252 §7): a key of a known user, whose roles allow the login, and its signature. */

// @ts-types="@types/ssh2"
import type { ParsedKey, PublicKeyAuthContext } from "ssh2";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import type { Attempt, AuthMethod, Verdict } from "./method.ts";

/**
 * The very key the policy was asked about. The algorithm's name comes from the wire as well, and whatever is parsed
 * must be the blob and nothing else: text made of both could smuggle in a key of the client's choice.
 */
function keyOf(algorithm: string, blob: Uint8Array): ParsedKey | null {
  const length = blob.length >= 4 ? new DataView(blob.buffer, blob.byteOffset).getUint32(0) : 0;
  const type = new TextDecoder().decode(blob.subarray(4, 4 + length));
  if (type !== algorithm || !/^[a-z0-9@.-]+$/.test(type)) return null;
  const parsed = ssh2.utils.parseKey(`${type} ${blob.toBase64()}`);
  if (parsed instanceof Error || Array.isArray(parsed)) return null;
  return parsed.getPublicSSH().equals(blob) ? parsed : null;
}

export const publickey: AuthMethod = {
  name: "publickey",
  judge({ context, entrance }: Attempt): Verdict {
    const { key: { algo, data }, signature, blob, hashAlgo } = context as PublicKeyAuthContext;
    const way = entrance.byKey(data);
    if (!way) return { verdict: "rejected", reason: "no user with this key may have this login" };
    // A plain ssh-rsa signature is SHA-1.
    if (algo === "ssh-rsa" && !hashAlgo) return { verdict: "rejected", reason: "SHA-1 signature" };
    const key = keyOf(algo, data);
    if (!key) return { verdict: "rejected", reason: "the key is not of the algorithm it is said to be" };
    if (!signature || !blob) return { verdict: "key-welcome" };
    return key.verify(blob, signature, hashAlgo) === true
      ? { verdict: "accepted", way }
      : { verdict: "rejected", reason: "the signature does not match" };
  },
};
