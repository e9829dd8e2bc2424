/** `publickey` (RFC 4252 §7): a key of a known user, whose roles allow the login, and its signature. */

// @ts-types="@types/ssh2"
import type { PublicKeyAuthContext } from "ssh2";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import type { Attempt, AuthMethod, Verdict } from "./method.ts";

export const publickey: AuthMethod = {
  name: "publickey",
  judge({ context, login, policy }: Attempt): Verdict {
    const { key, signature, blob, hashAlgo } = context as PublicKeyAuthContext;
    const applicant = policy.byKey(key.data, login);
    if (!applicant) return { verdict: "rejected", reason: "no user with this key may have this login" };
    // A plain ssh-rsa signature is SHA-1.
    if (key.algo === "ssh-rsa" && !hashAlgo) return { verdict: "rejected", reason: "SHA-1 signature" };
    if (!signature || !blob) return { verdict: "key-welcome" };
    const parsed = ssh2.utils.parseKey(`${key.algo} ${key.data.toString("base64")}`);
    if (parsed instanceof Error) return { verdict: "rejected", reason: parsed.message };
    return parsed.verify(blob, signature, hashAlgo) === true
      ? { verdict: "accepted", applicant }
      : { verdict: "rejected", reason: "the signature does not match" };
  },
};
