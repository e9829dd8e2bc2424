import assert from "node:assert/strict";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { byte, string } from "../../../../services/gateway/ssh2/messages.ts";
import { type Flavour, keys, RawClient, serve } from "./kit.ts";

/** Asks whether a key would do under `algorithm`; returns the key type the application sees. */
async function probe(flavour: Flavour, algorithm: string): Promise<string> {
  const seen = Promise.withResolvers<string>();
  await using server = await serve(flavour, (connection) => {
    connection.on("authentication", (context) => {
      if (context.method === "publickey") seen.resolve(context.key.algo);
      context.reject(["publickey"]);
    });
  });
  const key = ssh2.utils.parseKey(keys().read("user_rsa.pub"));
  assert.ok(!(key instanceof Error));
  await using client = new RawClient().connect(server.port, { authHandler: ["none"] });
  client.client.on("handshake", () => {
    client.send(byte(50), string("someone"), string("ssh-connection"), string("none"));
    client.send(
      byte(50),
      string("someone"),
      string("ssh-connection"),
      string("publickey"),
      byte(0),
      string(algorithm),
      string(key.getPublicSSH()),
    );
  });
  return await seen.promise;
}

Deno.test("a key that would sign with SHA-1 or DSA reaches the application as no key type at all", async () => {
  assert.equal(await probe("ours", "ssh-rsa"), "refused");
  assert.equal(await probe("ours", "ssh-dss"), "refused");
  assert.equal(await probe("ours", "rsa-sha2-256"), "ssh-rsa");
  assert.equal(await probe("ours", "rsa-sha2-512"), "ssh-rsa");
  assert.equal(ssh2.utils.parseKey("refused AAAA") instanceof Error, true);
});

Deno.test("stock ssh2 still passes SHA-1 on", async () => {
  assert.equal(await probe("stock", "ssh-rsa"), "ssh-rsa");
});
