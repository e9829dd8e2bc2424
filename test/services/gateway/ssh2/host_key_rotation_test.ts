import assert from "node:assert/strict";
import { byte, string } from "../../../../services/gateway/ssh2/messages.ts";
import { closeChannel, sendExit } from "../../../../services/gateway/ssh2/mod.ts";
import { type Flavour, hostKeys, keys, onExec, RawClient, serve, ssh } from "./kit.ts";

const quit = onExec((accept) => {
  const channel = accept();
  channel.resume();
  sendExit(channel, { code: 0 });
  closeChannel(channel);
});

Deno.test("ssh2 as a client proves every announced key", async () => {
  await using server = await serve("ours", quit);
  await using client = new RawClient().connect(server.port);
  const proven = new Promise<number>((resolve) => {
    client.client.on("hostkeys", (found: unknown[]) => resolve(found.length));
  });
  await client.ready();
  assert.equal(await proven, 3);
});

async function announces(flavour: Flavour): Promise<boolean> {
  await using server = await serve(flavour, quit);
  await using client = await new RawClient().connect(server.port).ready();
  await client.settled();
  return client.received.some(({ number }) => number === 80);
}

Deno.test("stock ssh2 still announces nothing", async () => {
  assert.equal(await announces("ours"), true);
  assert.equal(await announces("stock"), false);
});

Deno.test("proof is refused for a key that is not ours", async () => {
  await using server = await serve("ours", quit, { hostKeys: hostKeys(["ed25519"]) });
  await using client = await new RawClient().connect(server.port).ready();
  await client.take(81);
  const foreign = hostKeys(["ecdsa"]).keys[0]!.getPublicSSH();
  client.send(byte(80), string("hostkeys-prove-00@openssh.com"), byte(1), string(foreign));
  await client.take(82);
});

Deno.test("OpenSSH that knows one host key learns the others by logging in", async () => {
  await using server = await serve("ours", quit);
  const known = keys().path("known_by_update");
  const options = [`-oUserKnownHostsFile=${known}`, "-oUpdateHostKeys=yes"];
  // A key taken unseen (the first time) is no reason to believe in others
  for (const time of ["first", "second"]) {
    assert.equal((await ssh(server.port, ["true"], { options })).code, 0, time);
  }
  const types = Deno.readTextFileSync(known).trim().split("\n").map((line) => line.split(" ")[1]);
  assert.deepEqual(types.toSorted(), ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"]);
});
