/** ChaCha20-Poly1305 (RFC 8439) by node:crypto: the suite that needs no library. */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { type Aead, tagBytes } from "../stream/aead.ts";

const algorithm = "chacha20-poly1305";

export function chacha20Poly1305(key: Uint8Array): Aead {
  const own = key.slice();
  let isDisposed = false;
  /** A wiped key still seals, and anybody could open it. */
  const usable = () => {
    if (isDisposed) throw new TypeError("Cannot use a cipher after it was disposed of");
    return own;
  };
  return {
    seal(nonce, header, plain, sealed) {
      const cipher = createCipheriv(algorithm, usable(), nonce, { authTagLength: tagBytes });
      cipher.setAAD(header, { plaintextLength: plain.length });
      sealed.set(cipher.update(plain));
      cipher.final();
      sealed.set(cipher.getAuthTag(), plain.length);
    },
    open(nonce, header, sealed, plain) {
      const end = sealed.length - tagBytes;
      if (end < 0) return false;
      const decipher = createDecipheriv(algorithm, usable(), nonce, { authTagLength: tagBytes });
      decipher.setAAD(header, { plaintextLength: end });
      decipher.setAuthTag(sealed.slice(end));
      const text = decipher.update(sealed.subarray(0, end));
      try {
        decipher.final();
      } catch {
        return false;
      }
      plain.set(text);
      return true;
    },
    dispose() {
      isDisposed = true;
      own.fill(0);
    },
  };
}
