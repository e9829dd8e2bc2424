/**
 * OpenSSL's libcrypto: the ciphers that Deno's own are too slow for (its AES-GCM is about a sixth as fast).
 *
 * Everything is optional: callers ask {@link hasLibcrypto} and fall back to node:crypto.
 */

import { cString } from "./cstring.ts";
import { library, LibraryMissing } from "./library.ts";

const libcrypto = library(["libcrypto.so.3"], {
  // EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void) <openssl/evp.h>
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  // void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *ctx) <openssl/evp.h>
  EVP_CIPHER_CTX_free: { parameters: ["pointer"], result: "void" },
  // const EVP_CIPHER *EVP_aes_128_gcm(void) <openssl/evp.h>
  EVP_aes_128_gcm: { parameters: [], result: "pointer" },
  // const EVP_CIPHER *EVP_aes_256_gcm(void) <openssl/evp.h>
  EVP_aes_256_gcm: { parameters: [], result: "pointer" },
  // const EVP_CIPHER *EVP_aes_128_ctr(void) <openssl/evp.h>
  EVP_aes_128_ctr: { parameters: [], result: "pointer" },
  // const EVP_CIPHER *EVP_aes_192_ctr(void) <openssl/evp.h>
  EVP_aes_192_ctr: { parameters: [], result: "pointer" },
  // const EVP_CIPHER *EVP_aes_256_ctr(void) <openssl/evp.h>
  EVP_aes_256_ctr: { parameters: [], result: "pointer" },
  // const EVP_CIPHER *EVP_chacha20(void) <openssl/evp.h>
  EVP_chacha20: { parameters: [], result: "pointer" },
  // int EVP_CipherInit_ex(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, ENGINE *impl, const unsigned char *key,
  //                       const unsigned char *iv, int enc) <openssl/evp.h>
  EVP_CipherInit_ex: {
    parameters: ["pointer", "pointer", "pointer", "buffer", "buffer", "i32"],
    result: "i32",
  },
  // int EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in, int inl)
  //   <openssl/evp.h>
  EVP_CipherUpdate: { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
  // int EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *outm, int *outl) <openssl/evp.h>
  EVP_CipherFinal_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  // int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int arg, void *ptr) <openssl/evp.h>
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "buffer"], result: "i32" },
  // EVP_MAC *EVP_MAC_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties) <openssl/evp.h>
  EVP_MAC_fetch: { parameters: ["pointer", "buffer", "buffer"], result: "pointer" },
  // EVP_MAC_CTX *EVP_MAC_CTX_new(EVP_MAC *mac) <openssl/evp.h>
  EVP_MAC_CTX_new: { parameters: ["pointer"], result: "pointer" },
  // void EVP_MAC_CTX_free(EVP_MAC_CTX *ctx) <openssl/evp.h>
  EVP_MAC_CTX_free: { parameters: ["pointer"], result: "void" },
  // int EVP_MAC_init(EVP_MAC_CTX *ctx, const unsigned char *key, size_t keylen, const OSSL_PARAM params[])
  //   <openssl/evp.h>
  EVP_MAC_init: { parameters: ["pointer", "buffer", "usize", "pointer"], result: "i32" },
  // int EVP_MAC_update(EVP_MAC_CTX *ctx, const unsigned char *data, size_t datalen) <openssl/evp.h>
  EVP_MAC_update: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  // int EVP_MAC_final(EVP_MAC_CTX *ctx, unsigned char *out, size_t *outl, size_t outsize) <openssl/evp.h>
  EVP_MAC_final: { parameters: ["pointer", "buffer", "buffer", "usize"], result: "i32" },
  // const EVP_MD *EVP_sha256(void) <openssl/evp.h>
  EVP_sha256: { parameters: [], result: "pointer" },
  // const EVP_MD *EVP_sha512(void) <openssl/evp.h>
  EVP_sha512: { parameters: [], result: "pointer" },
  // HMAC_CTX *HMAC_CTX_new(void) <openssl/hmac.h>
  HMAC_CTX_new: { parameters: [], result: "pointer" },
  // void HMAC_CTX_free(HMAC_CTX *ctx) <openssl/hmac.h>
  HMAC_CTX_free: { parameters: ["pointer"], result: "void" },
  // int HMAC_Init_ex(HMAC_CTX *ctx, const void *key, int len, const EVP_MD *md, ENGINE *impl) <openssl/hmac.h>
  HMAC_Init_ex: { parameters: ["pointer", "buffer", "i32", "pointer", "pointer"], result: "i32" },
  // int HMAC_Update(HMAC_CTX *ctx, const unsigned char *data, size_t len) <openssl/hmac.h>
  HMAC_Update: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  // int HMAC_Final(HMAC_CTX *ctx, unsigned char *md, unsigned int *len) <openssl/hmac.h>
  HMAC_Final: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
});

/** Whether this machine has OpenSSL 3's libcrypto and this process may load it. */
export function hasLibcrypto(): boolean {
  try {
    libcrypto();
    return true;
  } catch (error) {
    if (error instanceof LibraryMissing) return false;
    throw error;
  }
}

/** A call into libcrypto that failed; never a forged message, which is no exception. */
export class LibcryptoError extends Error {
  override name = "LibcryptoError";
  constructor(readonly call: string) {
    super(`Cannot complete ${call} in libcrypto`);
  }
}

/** EVP functions return 1 for success. */
function unwrap(call: string, result: number): void {
  if (result !== 1) throw new LibcryptoError(call);
}

/** EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG, <openssl/evp.h> */
const getTag = 0x10;
const setTag = 0x11;
const tagBytes = 16;

/** Where C writes lengths nobody reads. */
const ignoredLength = new Uint8Array(new ArrayBuffer(8));
/** Where C writes final blocks that are empty for every mode used here. */
const ignoredBlock = new Uint8Array(new ArrayBuffer(32));

type Free = (context: Deno.PointerObject) => void;

/** Frees contexts whose owner forgot to dispose of them. */
const forgotten = new FinalizationRegistry<{ context: Deno.PointerObject; free: Free }>(
  ({ context, free }) => free(context),
);

/** One C context, freed once. */
class Context implements Disposable {
  #context: Deno.PointerObject | null;
  readonly #free: Free;

  constructor(call: string, context: Deno.PointerValue, free: Free) {
    if (context === null) throw new LibcryptoError(call);
    this.#context = context;
    this.#free = free;
    forgotten.register(this, { context, free }, this);
  }

  /** @throws {TypeError} After disposal */
  get pointer(): Deno.PointerObject {
    if (this.#context === null) throw new TypeError("Cannot use a cipher after it was disposed of");
    return this.#context;
  }

  [Symbol.dispose](): void {
    if (this.#context === null) return;
    forgotten.unregister(this);
    this.#free(this.#context);
    this.#context = null;
  }
}

function cipherContext(cipher: Deno.PointerValue, key: Uint8Array, encrypt: boolean): Context {
  const c = libcrypto();
  const context = new Context("EVP_CIPHER_CTX_new", c.EVP_CIPHER_CTX_new(), c.EVP_CIPHER_CTX_free);
  const initialised = c.EVP_CipherInit_ex(
    context.pointer,
    cipher,
    null,
    exactBytes(key),
    null,
    encrypt ? 1 : 0,
  );
  unwrap("EVP_CipherInit_ex", initialised);
  return context;
}

/** The same bytes for C, typed as FFI wants them: never a shared buffer. */
function exactBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

/** AES in GCM (NIST SP 800-38D) with 12-byte nonces and 16-byte tags; one key in one direction. */
export class AesGcm implements Disposable {
  readonly #key: Uint8Array;
  #sealing: Context | undefined;
  #opening: Context | undefined;
  #disposed = false;

  /** @param key 16 or 32 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== 16 && key.length !== 32) {
      throw new RangeError(`Cannot use a key of ${key.length} bytes: AES-GCM takes 16 or 32`);
    }
    this.#key = key.slice();
  }

  #context(encrypt: boolean): Context {
    if (this.#disposed) throw new TypeError("Cannot use a cipher after it was disposed of");
    const c = libcrypto();
    const cipher = this.#key.length === 16 ? c.EVP_aes_128_gcm() : c.EVP_aes_256_gcm();
    return cipherContext(cipher, this.#key, encrypt);
  }

  /**
   * Encrypts `plain` into `sealed`, whose last 16 bytes become the tag. Both may start at the same memory; any other
   * overlap is an error. Never call this twice with one nonce.
   *
   * @throws {RangeError} If `sealed` is not 16 bytes longer than `plain`
   */
  seal(nonce: Uint8Array, header: Uint8Array, plain: Uint8Array, sealed: Uint8Array): void {
    const length = plain.length;
    if (sealed.length !== length + tagBytes) {
      throw new RangeError(
        `Cannot seal ${length} bytes into ${sealed.length}: it takes ${length + tagBytes}`,
      );
    }
    const c = libcrypto();
    const context = (this.#sealing ??= this.#context(true)).pointer;
    unwrap("EVP_CipherInit_ex", c.EVP_CipherInit_ex(context, null, null, null, exactBytes(nonce), 1));
    if (header.length > 0) {
      const fed = c.EVP_CipherUpdate(context, null, ignoredLength, exactBytes(header), header.length);
      unwrap("EVP_CipherUpdate", fed);
    }
    if (length > 0) {
      const done = c.EVP_CipherUpdate(context, exactBytes(sealed), ignoredLength, exactBytes(plain), length);
      unwrap("EVP_CipherUpdate", done);
    }
    unwrap("EVP_CipherFinal_ex", c.EVP_CipherFinal_ex(context, ignoredBlock, ignoredLength));
    const tag = exactBytes(sealed.subarray(length));
    unwrap("EVP_CIPHER_CTX_ctrl", c.EVP_CIPHER_CTX_ctrl(context, getTag, tagBytes, tag));
  }

  /**
   * Decrypts `sealed` into `plain`, 16 bytes shorter; both may start at the same memory.
   *
   * @returns `false` when the message is forged or too short; `plain` then holds nothing of use and is zeroed
   * @throws {RangeError} If `plain` has the wrong length
   */
  open(nonce: Uint8Array, header: Uint8Array, sealed: Uint8Array, plain: Uint8Array): boolean {
    const length = sealed.length - tagBytes;
    if (length < 0) return false;
    if (plain.length !== length) {
      throw new RangeError(`Cannot open ${sealed.length} bytes into ${plain.length}: it takes ${length}`);
    }
    const c = libcrypto();
    const context = (this.#opening ??= this.#context(false)).pointer;
    unwrap("EVP_CipherInit_ex", c.EVP_CipherInit_ex(context, null, null, null, exactBytes(nonce), 0));
    // Before decryption: `plain` may be the same memory, and the tag behind it must be read unchanged
    const tag = exactBytes(sealed.subarray(length));
    unwrap("EVP_CIPHER_CTX_ctrl", c.EVP_CIPHER_CTX_ctrl(context, setTag, tagBytes, tag));
    if (header.length > 0) {
      const fed = c.EVP_CipherUpdate(context, null, ignoredLength, exactBytes(header), header.length);
      unwrap("EVP_CipherUpdate", fed);
    }
    if (length > 0) {
      const done = c.EVP_CipherUpdate(context, exactBytes(plain), ignoredLength, exactBytes(sealed), length);
      unwrap("EVP_CipherUpdate", done);
    }
    if (c.EVP_CipherFinal_ex(context, ignoredBlock, ignoredLength) === 1) return true;
    plain.fill(0);
    return false;
  }

  /** Frees both contexts and forgets the key. Idempotent. */
  dispose(): void {
    this.#disposed = true;
    this.#sealing?.[Symbol.dispose]();
    this.#opening?.[Symbol.dispose]();
    this.#key.fill(0);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * AES-256-GCM for one direction of a lease.
 *
 * @param key 32 bytes
 * @throws {LibraryMissing} On first use, without libcrypto
 */
export function aes256Gcm(key: Uint8Array): AesGcm {
  if (key.length !== 32) {
    throw new RangeError(`Cannot use a key of ${key.length} bytes: AES-256-GCM takes 32`);
  }
  return new AesGcm(key);
}

/** AES in counter mode (NIST SP 800-38A): one endless key stream. */
export class AesCtr implements Disposable {
  readonly #context: Context;

  /**
   * @param key 16, 24 or 32 bytes
   * @param counter First counter block, 16 bytes
   */
  constructor(key: Uint8Array, counter: Uint8Array) {
    const c = libcrypto();
    const ciphers: Record<number, () => Deno.PointerValue> = {
      16: c.EVP_aes_128_ctr,
      24: c.EVP_aes_192_ctr,
      32: c.EVP_aes_256_ctr,
    };
    const cipher = ciphers[key.length];
    if (!cipher || counter.length !== 16) {
      throw new RangeError("Cannot use AES-CTR without a key of 16, 24 or 32 bytes and a counter of 16");
    }
    this.#context = cipherContext(cipher(), key, true);
    const started = c.EVP_CipherInit_ex(this.#context.pointer, null, null, null, exactBytes(counter), 1);
    unwrap("EVP_CipherInit_ex", started);
  }

  /** Encrypts or decrypts the next `bytes` of the stream in place. */
  crypt(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const same = exactBytes(bytes);
    const done = libcrypto().EVP_CipherUpdate(this.#context.pointer, same, ignoredLength, same, same.length);
    unwrap("EVP_CipherUpdate", done);
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}

/** ChaCha20 as first published: 64-bit counter, 64-bit nonce, both in the 16-byte `start`. */
export class ChaCha20 implements Disposable {
  readonly #context: Context;

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== 32) {
      throw new RangeError(`Cannot use a key of ${key.length} bytes: ChaCha20 takes 32`);
    }
    this.#context = cipherContext(libcrypto().EVP_chacha20(), key, true);
  }

  /**
   * Encrypts or decrypts `input` into `output`, which may be the same memory.
   *
   * @param start Block counter, 8 bytes little-endian, then the nonce, 8 bytes
   */
  crypt(start: Uint8Array, input: Uint8Array, output: Uint8Array): void {
    const c = libcrypto();
    const context = this.#context.pointer;
    unwrap("EVP_CipherInit_ex", c.EVP_CipherInit_ex(context, null, null, null, exactBytes(start), 1));
    const done = c.EVP_CipherUpdate(
      context,
      exactBytes(output),
      ignoredLength,
      exactBytes(input),
      input.length,
    );
    unwrap("EVP_CipherUpdate", done);
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}

let poly1305Algorithm: Deno.PointerValue = null;

/** Poly1305 (RFC 8439 §2.5): a fresh 32-byte key for each message. */
export class Poly1305 implements Disposable {
  readonly #context: Context;

  constructor() {
    const c = libcrypto();
    poly1305Algorithm ??= c.EVP_MAC_fetch(null, cString("POLY1305"), null);
    this.#context = new Context("EVP_MAC_CTX_new", c.EVP_MAC_CTX_new(poly1305Algorithm), c.EVP_MAC_CTX_free);
  }

  /** Writes the 16-byte tag of the first `length` bytes of `data` into `tag`. */
  authenticate(key: Uint8Array, data: Uint8Array, length: number, tag: Uint8Array): void {
    const c = libcrypto();
    const context = this.#context.pointer;
    unwrap("EVP_MAC_init", c.EVP_MAC_init(context, exactBytes(key), 32n, null));
    unwrap("EVP_MAC_update", c.EVP_MAC_update(context, exactBytes(data), BigInt(length)));
    unwrap("EVP_MAC_final", c.EVP_MAC_final(context, exactBytes(tag), ignoredLength, 16n));
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}

/** HMAC (RFC 2104) with one key for many messages. */
export class Hmac implements Disposable {
  readonly #context: Context;

  constructor(hash: "sha256" | "sha512", key: Uint8Array) {
    const c = libcrypto();
    this.#context = new Context("HMAC_CTX_new", c.HMAC_CTX_new(), c.HMAC_CTX_free);
    const digest = hash === "sha256" ? c.EVP_sha256() : c.EVP_sha512();
    const keyed = c.HMAC_Init_ex(this.#context.pointer, exactBytes(key), key.length, digest, null);
    unwrap("HMAC_Init_ex", keyed);
  }

  /** Writes the whole digest (32 or 64 bytes) of `prefix` and the first `length` bytes of `data` into `digest`. */
  authenticate(prefix: Uint8Array, data: Uint8Array, length: number, digest: Uint8Array): void {
    const c = libcrypto();
    const context = this.#context.pointer;
    unwrap("HMAC_Init_ex", c.HMAC_Init_ex(context, null, 0, null, null));
    unwrap("HMAC_Update", c.HMAC_Update(context, exactBytes(prefix), BigInt(prefix.length)));
    unwrap("HMAC_Update", c.HMAC_Update(context, exactBytes(data), BigInt(length)));
    unwrap("HMAC_Final", c.HMAC_Final(context, exactBytes(digest), ignoredLength));
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}
