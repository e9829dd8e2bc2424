import assert from "node:assert/strict";
import { fromSeed } from "@nats-io/nkeys";
import { isSigned, readPublicNkey } from "../../../services/broker/nkeys.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";

const encoder = new TextEncoder();

Deno.test("isSigned() accepts what the official nkeys sign, in either base64, and nothing else", () => {
  for (let round = 0; round < 20; round++) {
    const { seed, publicKey } = createNkey();
    const key = readPublicNkey(publicKey);
    const signature = fromSeed(encoder.encode(seed)).sign(encoder.encode("nonce"));
    assert.ok(isSigned(key, "nonce", signature.toBase64()));
    assert.ok(isSigned(key, "nonce", signature.toBase64({ alphabet: "base64url", omitPadding: true })));
    assert.equal(isSigned(key, "other", signature.toBase64()), false);
    assert.equal(isSigned(readPublicNkey(createNkey().publicKey), "nonce", signature.toBase64()), false);
    signature[5]! ^= 1;
    assert.equal(isSigned(key, "nonce", signature.toBase64()), false);
  }
  for (const bad of ["", "!", "AAAA"]) {
    assert.equal(isSigned(readPublicNkey(createNkey().publicKey), "n", bad), false);
  }
});

Deno.test("readPublicNkey() refuses seeds, other prefixes and wrong checksums", () => {
  const { seed, publicKey } = createNkey();
  const last = publicKey.endsWith("A") ? "B" : "A";
  for (
    const bad of ["", seed, publicKey.slice(0, -1), publicKey.slice(0, -1) + last, `A${publicKey.slice(1)}`]
  ) {
    assert.throws(() => readPublicNkey(bad), {
      name: "TypeError",
      message: /^Cannot use '.*' as a public nkey: /,
    });
  }
});
