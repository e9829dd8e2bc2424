import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createECDH, generateKeyPairSync } from "node:crypto";
import type { KeyExchange } from "../../../../services/gateway/ssh2/internals.ts";
import { isOnP256 } from "../../../../services/gateway/ssh2/kex_points.ts";
import { type Flavour, onExec, RawClient, serve } from "./kit.ts";

Deno.test("isOnP256() takes every generated point and no other", () => {
  for (let round = 0; round < 20; round++) {
    const ecdh = createECDH("prime256v1");
    const point = new Uint8Array(ecdh.generateKeys());
    assert.equal(isOnP256(point), true);
    assert.equal(isOnP256(new Uint8Array(ecdh.getPublicKey(null, "compressed"))), false);
    const last = point.length - 1;
    point[last]! ^= 1;
    assert.equal(isOnP256(point), false);
  }
  assert.equal(isOnP256(new Uint8Array(65)), false);
  assert.equal(isOnP256(new Uint8Array([4])), false);
});

/** Connects with a public point of the test's choice; returns the server's errors and whether it replied. */
async function offerPoint(flavour: Flavour, kex: string, point: Buffer) {
  await using server = await serve(flavour, onExec(() => {}));
  let replied = false;
  await using client = new RawClient().connect(
    server.port,
    { algorithms: { kex: [kex as "curve25519-sha256"] } },
    ({ protocol }) => {
      let exchange: KeyExchange | undefined;
      Object.defineProperty(protocol, "_kex", {
        get: () => exchange,
        set: (made: KeyExchange & { parse(payload: Buffer): unknown }) => {
          made.getPublicKey = () => point;
          const parse = made.parse.bind(made);
          made.parse = (payload) => {
            replied ||= payload[0] === 31;
            return parse(payload);
          };
          exchange = made;
        },
      });
    },
  );
  await client.closed;
  return { replied, errors: server.errors };
}

const x25519Point = generateKeyPairSync("x25519").publicKey.export({ type: "spki", format: "der" }).subarray(
  -32,
);

Deno.test("an x25519 key that is too long or too short is refused", async () => {
  for (const point of [Buffer.concat([x25519Point, Buffer.alloc(1, 1)]), x25519Point.subarray(1)]) {
    const { replied, errors } = await offerPoint("ours", "curve25519-sha256", point);
    assert.equal(replied, false);
    assert.match(errors.join(), new RegExp(`client key of ${point.length} bytes: x25519 has 32`));
  }
});

Deno.test("stock ssh2 on Deno still computes with an x25519 key that is too long", async () => {
  const long = Buffer.concat([x25519Point, Buffer.alloc(1, 1)]);
  assert.equal((await offerPoint("stock", "curve25519-sha256", long)).replied, true);
});

Deno.test("an x25519 key of low order is refused", async () => {
  const { replied } = await offerPoint("ours", "curve25519-sha256", Buffer.alloc(32));
  assert.equal(replied, false);
});

Deno.test("a point that is not on NIST P-256 is refused", async () => {
  const point = createECDH("prime256v1").generateKeys();
  point[64]! ^= 1;
  const { replied, errors } = await offerPoint("ours", "ecdh-sha2-nistp256", point);
  assert.equal(replied, false);
  assert.match(errors.join(), /not on the curve/);
});
