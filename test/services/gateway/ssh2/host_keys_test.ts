import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { parseKey } from "../../../../services/gateway/ssh2/internals.ts";
import type { HostKey } from "../../../../services/gateway/ssh2/internals.ts";
import { loadHostKeys } from "../../../../services/gateway/ssh2/mod.ts";
import { keys } from "./kit.ts";

function p256PublicKey(key: HostKey) {
  const point = key.getPublicSSH().subarray(-64);
  const [x, y] = [point.subarray(0, 32), point.subarray(32)].map((part) => part.toString("base64url"));
  return createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: x!, y: y! } });
}

Deno.test("loadHostKeys() puts ed25519 first and never offers ssh-rsa", () => {
  const texts = ["rsa", "ecdsa", "ed25519"].map((name) => keys().read(name));
  const { byAlgorithm, keys: loaded } = loadHostKeys(texts);
  assert.deepEqual(Object.keys(byAlgorithm), [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ]);
  assert.deepEqual(loaded.map(({ type }) => type), ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]);
});

Deno.test("loadHostKeys() refuses what is not a private key, and no key at all", () => {
  const publicKey = Deno.readTextFileSync(keys().path("ed25519.pub"));
  assert.throws(() => loadHostKeys([publicKey]), /Cannot use host key 1: it is not a private key/);
  assert.throws(() => loadHostKeys([keys().read("ed25519"), "nonsense"]), /Cannot use host key 2/);
  assert.throws(() => loadHostKeys([]), TypeError);
});

Deno.test("every ECDSA key signs, also one whose private number has its top bit set, as stock ssh2 on Deno cannot", () => {
  const data = Buffer.from("data");
  let stockFailures = 0;
  // Half of all keys have the top bit set: 2^-16 that none of sixteen does
  for (let round = 0; round < 16; round++) {
    const name = `ecdsa_${round}`;
    keys().generate(name, "ecdsa");
    const text = keys().read(name);
    const stock = parseKey(text) as HostKey[] | HostKey;
    const signed = (Array.isArray(stock) ? stock[0]! : stock).sign(data);
    if (signed instanceof Error) stockFailures++;
    const [key] = loadHostKeys([text]).keys;
    const signature = key!.sign(data);
    assert.ok(!(signature instanceof Error));
    assert.equal(verify("sha256", data, p256PublicKey(key!), signature), true);
  }
  assert.ok(stockFailures > 0, "stock ssh2 can sign with every ECDSA key now");
});
