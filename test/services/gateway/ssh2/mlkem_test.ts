import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { mlkemKex } from "../../../../services/gateway/ssh2/algorithms.ts";
import type { KeyExchange, Negotiated } from "../../../../services/gateway/ssh2/internals.ts";
import { string } from "../../../../services/gateway/ssh2/messages.ts";
import { encapsulate } from "../../../../services/gateway/ssh2/mlkem.ts";
import { onExec, RawClient, serve, until } from "./kit.ts";

const x25519Prefix = Buffer.from("302a300506032b656e032100", "hex");

/** The client's side, written apart from the server's (draft-ietf-sshm-mlkem-hybrid-kex §2). */
class ClientKeys {
  readonly #kem = ml_kem768.keygen();
  readonly #curve = generateKeyPairSync("x25519");
  readonly publicKeys = Buffer.concat([
    this.#kem.publicKey,
    this.#curve.publicKey.export({ type: "spki", format: "der" }).subarray(-32),
  ]);

  secret(reply: Uint8Array): Buffer {
    const theirs = createPublicKey({
      key: Buffer.concat([x25519Prefix, reply.subarray(1088)]),
      format: "der",
      type: "spki",
    });
    return createHash("sha256")
      .update(ml_kem768.decapsulate(new Uint8Array(reply.subarray(0, 1088)), this.#kem.secretKey))
      .update(diffieHellman({ privateKey: this.#curve.privateKey, publicKey: theirs }))
      .digest();
  }
}

Deno.test("encapsulate() gives a reply from which the client computes the same secret", () => {
  const client = new ClientKeys();
  const { reply, secret } = encapsulate(client.publicKeys);
  assert.equal(reply.length, 1088 + 32);
  assert.deepEqual(client.secret(reply), secret);
});

Deno.test("encapsulate() refuses keys of the wrong length, a bad encapsulation key and a low-order point", () => {
  const { publicKeys } = new ClientKeys();
  for (const length of [0, 32, 1184, 1215]) {
    assert.throws(() => encapsulate(publicKeys.subarray(0, length)), /Cannot use/);
  }
  assert.throws(() => encapsulate(Buffer.concat([publicKeys, Buffer.alloc(1)])), /Cannot use/);
  // FIPS 203 §7.2: coefficients must be reduced
  assert.throws(() => encapsulate(Buffer.concat([Buffer.alloc(1152, 0xff), publicKeys.subarray(1152)])));
  assert.throws(() => encapsulate(Buffer.concat([publicKeys.subarray(0, 1184), Buffer.alloc(32)])));
});

/** Makes npm ssh2's client speak the method: it believes in curve25519, the wire says otherwise. */
function speakMlkem(raw: RawClient): void {
  const { protocol } = raw;
  let exchange: KeyExchange | undefined;
  const list = string("curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com");
  const renamed = string(`${mlkemKex},ext-info-c,kex-strict-c-v00@openssh.com`);
  const rename = (payload: Buffer, from: Buffer, to: Buffer) =>
    Buffer.concat([payload.subarray(0, 17), to, payload.subarray(17 + from.length)]);
  Object.defineProperty(protocol, "_kex", {
    get: () => exchange,
    set: (made: KeyExchange & { _kexinit: Buffer; negotiated: Negotiated }) => {
      const keys = new ClientKeys();
      made.getPublicKey = () => keys.publicKeys;
      made.convertPublicKey = (key) => key;
      made.computeSecret = (reply) => keys.secret(reply);
      made._kexinit = rename(made._kexinit, list, renamed);
      exchange = made;
    },
  });
  // Our KEXINIT on the wire, in the clear the first time and through the cipher later: before encryption
  const writer = (target: { finalize(packet: Buffer, force?: boolean): Buffer }) => {
    const finalize = target.finalize.bind(target);
    target.finalize = (packet, force) => {
      const finished = finalize(packet, force);
      if (finished[5] !== 20) return finished;
      const payload = finished.subarray(5, finished.length - finished[4]!);
      const changed = rename(payload, list, renamed);
      const grown = protocol._cipher.allocPacket(changed.length);
      grown.set(changed, 5);
      return grown;
    };
  };
  let current = protocol._packetRW.write;
  writer(current);
  Object.defineProperty(protocol._packetRW, "write", {
    get: () => current,
    set: (next: typeof current) => writer(current = next),
  });
}

Deno.test("an ssh2 client that speaks mlkem768x25519-sha256 logs in, runs a command and exchanges keys again", async () => {
  const negotiated: string[] = [];
  await using server = await serve("ours", (connection) => {
    connection.on("handshake", (result) => negotiated.push(result.kex));
    onExec((accept) => accept().end("through quantum-safe keys"))(connection);
  });
  await using client = await new RawClient().connect(
    server.port,
    { algorithms: { kex: ["curve25519-sha256"] } },
    speakMlkem,
  ).ready();
  const run = async () => {
    const channel = await client.openSession();
    client.request(channel, "exec", true, string("x"));
    const data = await client.take(94);
    data.uint32();
    return data.text();
  };
  assert.equal(await run(), "through quantum-safe keys");
  const connection = await server.connection;
  connection.rekey();
  await until(() => negotiated.length === 2);
  assert.equal(await run(), "through quantum-safe keys");
  assert.deepEqual(negotiated, [mlkemKex, mlkemKex]);
});
