/** The cipher of a lease, as the stream needs it; implementations are handed in (libcrypto by FFI, node:crypto). */

/** Length of the authentication tag of both suites, bytes. */
export const tagBytes = 16;
/** Length of the nonce of both suites, bytes. */
export const nonceBytes = 12;
export const keyBytes = 32;

/** One key in one direction. Never call `seal` twice with one nonce. */
export interface Aead {
  /**
   * Encrypts `plain` into `sealed`, which must be `plain.length + tagBytes` long; both may be the same memory.
   * Every array is backed by an `ArrayBuffer` (not shared), at any offset.
   */
  seal(nonce: Uint8Array, header: Uint8Array, plain: Uint8Array, sealed: Uint8Array): void;
  /** Decrypts `sealed` into `plain` (`sealed.length - tagBytes` long; may be the same memory). Returns false when forged. */
  open(nonce: Uint8Array, header: Uint8Array, sealed: Uint8Array, plain: Uint8Array): boolean;
  /** Frees what the key occupies outside JavaScript. Idempotent. */
  dispose(): void;
}
