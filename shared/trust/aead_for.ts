/** The cipher of a suite. */

import type { Suite } from "../protocol/lease.ts";
import type { Aead } from "../stream/aead.ts";
import { chacha20Poly1305 } from "./chacha.ts";

/** @param aes256Gcm Libcrypto's, for AES; it is reached by FFI, which nothing in `shared` does */
export function aeadFor(suite: Suite, key: Uint8Array, aes256Gcm: (key: Uint8Array) => Aead): Aead {
  switch (suite) {
    case "aes-256-gcm":
      return aes256Gcm(key);
    case "chacha20-poly1305":
      return chacha20Poly1305(key);
    default:
      return suite satisfies never;
  }
}
