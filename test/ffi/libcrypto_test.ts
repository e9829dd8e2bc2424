import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { aes256Gcm, AesCtr, AesGcm, ChaCha20, hasLibcrypto, Hmac, Poly1305 } from "../../ffi/libcrypto.ts";

const sizes = [0, 1, 15, 16, 17, 4096, 65_537];

Deno.test("hasLibcrypto() is true where OpenSSL 3 is installed", () => {
  assert.equal(hasLibcrypto(), true);
});

Deno.test("seal() makes what node:crypto opens, at every size and with any header", () => {
  for (const keyBytes of [16, 32]) {
    const key = randomBytes(keyBytes);
    using gcm = new AesGcm(key);
    for (const size of sizes) {
      for (const header of [new Uint8Array(), randomBytes(4), randomBytes(21)]) {
        const nonce = randomBytes(12);
        const plain = new Uint8Array(randomBytes(size));
        const sealed = new Uint8Array(size + 16);
        gcm.seal(nonce, header, plain, sealed);
        const decipher = createDecipheriv(keyBytes === 16 ? "aes-128-gcm" : "aes-256-gcm", key, nonce);
        decipher.setAAD(header);
        decipher.setAuthTag(sealed.subarray(size));
        const opened = [...decipher.update(sealed.subarray(0, size)), ...decipher.final()];
        assert.deepEqual(new Uint8Array(opened), plain);
      }
    }
  }
});

Deno.test("open() opens what node:crypto seals, in place and out of place", () => {
  const key = randomBytes(32);
  using gcm = aes256Gcm(key);
  for (const size of sizes) {
    const nonce = randomBytes(12);
    const header = randomBytes(13);
    const plain = randomBytes(size);
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    cipher.setAAD(header);
    const sealed = new Uint8Array(size + 16);
    sealed.set(cipher.update(plain));
    cipher.final();
    sealed.set(cipher.getAuthTag(), size);
    const apart = new Uint8Array(size);
    assert.equal(gcm.open(nonce, header, sealed, apart), true);
    assert.deepEqual(apart, new Uint8Array(plain));
    assert.equal(gcm.open(nonce, header, sealed, sealed.subarray(0, size)), true);
    assert.deepEqual(sealed.subarray(0, size), new Uint8Array(plain));
  }
});

Deno.test("seal() in place gives the same bytes as out of place", () => {
  using gcm = aes256Gcm(randomBytes(32));
  const nonce = randomBytes(12);
  const header = randomBytes(9);
  const plain = new Uint8Array(randomBytes(1000));
  const apart = new Uint8Array(1016);
  gcm.seal(nonce, header, plain, apart);
  const frame = new Uint8Array(1100);
  frame.set(plain, 7);
  gcm.seal(nonce, header, frame.subarray(7, 1007), frame.subarray(7, 1023));
  assert.deepEqual(frame.subarray(7, 1023), apart);
  assert.deepEqual([...frame.subarray(0, 7), ...frame.subarray(1023)], Array(84).fill(0));
});

Deno.test("open() refuses every single changed bit of body, tag, header and nonce, and leaves no plain text", () => {
  using gcm = aes256Gcm(randomBytes(32));
  const nonce = new Uint8Array(randomBytes(12));
  const header = new Uint8Array(randomBytes(5));
  const plain = new TextEncoder().encode("attack at dawn");
  const sealed = new Uint8Array(plain.length + 16);
  gcm.seal(nonce, header, plain, sealed);
  for (const part of [nonce, header, sealed]) {
    for (let bit = 0; bit < part.length * 8; bit++) {
      part[bit >> 3]! ^= 1 << (bit & 7);
      const opened = new Uint8Array(plain.length);
      assert.equal(gcm.open(nonce, header, sealed, opened), false);
      assert.deepEqual(opened, new Uint8Array(plain.length));
      part[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
  assert.equal(gcm.open(nonce, header, sealed.subarray(0, 15), new Uint8Array()), false);
  assert.equal(gcm.open(nonce, header, sealed, new Uint8Array(plain.length)), true);
});

Deno.test("seal() and open() refuse lengths that do not fit, and a disposed cipher", () => {
  const gcm = aes256Gcm(randomBytes(32));
  const nonce = randomBytes(12);
  const none = new Uint8Array();
  assert.throws(() => gcm.seal(nonce, none, new Uint8Array(8), new Uint8Array(23)), RangeError);
  assert.throws(() => gcm.open(nonce, none, new Uint8Array(24), new Uint8Array(9)), RangeError);
  assert.throws(() => aes256Gcm(randomBytes(16)), RangeError);
  gcm.dispose();
  gcm.dispose();
  assert.throws(() => gcm.seal(nonce, none, none, new Uint8Array(16)), TypeError);
});

Deno.test("AesCtr.crypt() continues its key stream from call to call as node:crypto does", () => {
  for (const keyBytes of [16, 24, 32]) {
    const key = randomBytes(keyBytes);
    const counter = randomBytes(16);
    using ctr = new AesCtr(key, counter);
    const expected = createCipheriv(`aes-${keyBytes * 8}-ctr`, key, counter);
    for (const size of sizes) {
      const bytes = new Uint8Array(randomBytes(size));
      const wanted = new Uint8Array(expected.update(bytes));
      ctr.crypt(bytes);
      assert.deepEqual(bytes, wanted);
    }
  }
});

Deno.test("ChaCha20 and Poly1305 agree with RFC 8439 §2.8.2", () => {
  const key = Uint8Array.fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  // The RFC's 96-bit nonce 07000000 4041…47 and 32-bit counter fill the same 16 bytes
  const start = Uint8Array.fromHex("00000000070000004041424344454647");
  using chacha = new ChaCha20(key);
  const polyKey = new Uint8Array(32);
  chacha.crypt(start, new Uint8Array(32), polyKey);
  assert.equal(polyKey.toHex(), "7bac2b252db447af09b67a55a4e955840ae1d6731075d9eb2a9375783ed553ff");
  start[0] = 1;
  const plain = new TextEncoder().encode("Ladies and Gentlemen of the class of '99: ");
  const sealed = new Uint8Array(plain.length);
  chacha.crypt(start, plain, sealed);
  assert.equal(sealed.subarray(0, 16).toHex(), "d31a8d34648e60db7b86afbc53ef7ec2");
  chacha.crypt(start, sealed, sealed);
  assert.deepEqual(sealed, plain);

  // RFC 8439 §2.5.2
  using poly = new Poly1305();
  const tag = new Uint8Array(16);
  const message = new TextEncoder().encode("Cryptographic Forum Research Group, and more");
  poly.authenticate(
    Uint8Array.fromHex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
    message,
    34,
    tag,
  );
  assert.equal(tag.toHex(), "a8061dc1305136c6c22b8baf0c0127a9");
});

Deno.test("Hmac.authenticate() agrees with node:crypto for many messages under one key", () => {
  for (const [hash, bytes] of [["sha256", 32], ["sha512", 64]] as const) {
    const key = randomBytes(bytes);
    using hmac = new Hmac(hash, key);
    for (const size of sizes) {
      const data = randomBytes(size + 8);
      const prefix = randomBytes(4);
      const digest = new Uint8Array(bytes);
      hmac.authenticate(prefix, data, size, digest);
      const expected = createHmac(hash, key).update(prefix).update(data.subarray(0, size)).digest("hex");
      assert.equal(digest.toHex(), expected);
    }
  }
});

Deno.test("hasLibcrypto() is false, and nothing throws, in a process that may not load it", async () => {
  const module = JSON.stringify(import.meta.resolve("../../ffi/libcrypto.ts"));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-lock", "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`import { hasLibcrypto } from ${module};
    console.log(hasLibcrypto());`));
  await writer.close();
  const { stdout } = await child.output();
  assert.equal(new TextDecoder().decode(stdout), "false\n");
});
