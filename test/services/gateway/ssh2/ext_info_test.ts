import assert from "node:assert/strict";
import { userSignatureAlgorithms } from "../../../../services/gateway/ssh2/algorithms.ts";
import { type Flavour, keys, onExec, RawClient, serve, ssh } from "./kit.ts";

async function extensions(flavour: Flavour): Promise<Record<string, string>> {
  await using server = await serve(flavour, onExec(() => {}));
  await using client = await new RawClient().connect(server.port).ready();
  const reader = await client.take(7);
  const found: Record<string, string> = {};
  for (let left = reader.uint32(); left > 0; left--) found[reader.text()] = reader.text();
  return found;
}

Deno.test("EXT_INFO lists the signatures we take, each by its name, and that we answer pings", async () => {
  const { "server-sig-algs": algorithms, "ping@openssh.com": ping } = await extensions("ours");
  assert.deepEqual(algorithms?.split(","), userSignatureAlgorithms);
  assert.equal(ping, "0");
  assert.equal(userSignatureAlgorithms.includes("ssh-rsa"), false);
});

Deno.test("stock ssh2 still forgets the comma before rsa-sha2-512", async () => {
  const { "server-sig-algs": algorithms } = await extensions("stock");
  assert.equal(algorithms?.split(",").includes("rsa-sha2-512"), false);
});

/** What OpenSSH allowed to sign with rsa-sha2-512 only makes of a server. */
async function rsa512Only(flavour: Flavour): Promise<number> {
  await using server = await serve(flavour, (connection) => {
    connection.on("authentication", (context) => {
      if (context.method === "publickey") context.accept();
      else context.reject(["publickey"]);
    });
    onExec((accept) => {
      const channel = accept();
      channel.exit(0);
      channel.end();
    })(connection);
  });
  const options = [`-oIdentityFile=${keys().path("user_rsa")}`, "-oPubkeyAcceptedAlgorithms=rsa-sha2-512"];
  return (await ssh(server.port, ["true"], { options })).code;
}

Deno.test("a client that signs with rsa-sha2-512 only gets in", async () => {
  assert.equal(await rsa512Only("ours"), 0);
});

Deno.test("stock ssh2 still turns it away", async () => {
  assert.equal(await rsa512Only("stock"), 255);
});
