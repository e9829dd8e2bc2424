/**
 * Refusing user keys whose signature we do not offer.
 *
 * Stock passes on SHA-1 (`ssh-rsa`) and DSA signatures as readily as any other (lib/protocol/handlers.misc.js
 * USERAUTH_REQUEST), and leaves it to each application to look. Here such a key never gets that far.
 */

import { userSignatureAlgorithms } from "./algorithms.ts";
import type { SshClient } from "./internals.ts";

interface PublicKeyRequest {
  /** `ssh-rsa` also for rsa-sha2-*, which `hashAlgo` then tells apart. */
  keyAlgo: string;
  hashAlgo?: "sha256" | "sha512";
}

function signatureAlgorithm({ keyAlgo, hashAlgo }: PublicKeyRequest): string {
  if (hashAlgo === "sha256") return "rsa-sha2-256";
  if (hashAlgo === "sha512") return "rsa-sha2-512";
  return keyAlgo;
}

/** What no key is called; nothing from the wire goes into it. */
const refused = "refused";

/** A request with such a key reaches the application under an algorithm name that no key has. */
export function refuseWeakSignatures(client: SshClient): void {
  const handlers = client._protocol._handlers;
  const stock = handlers.USERAUTH_REQUEST;
  handlers.USERAUTH_REQUEST = (self, username, service, method, methodData) => {
    if (method !== "publickey") return stock(self, username, service, method, methodData);
    const request = methodData as PublicKeyRequest;
    const algorithm = signatureAlgorithm(request);
    if (userSignatureAlgorithms.includes(algorithm)) {
      return stock(self, username, service, method, methodData);
    }
    stock(self, username, service, method, { ...request, keyAlgo: refused });
  };
}
