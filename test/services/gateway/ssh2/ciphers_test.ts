import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { disconnect, DisconnectReason } from "../../../../services/gateway/ssh2/mod.ts";
import { closeChannel, sendEof, sendExit } from "../../../../services/gateway/ssh2/mod.ts";
import { onExec, RawClient, serve, ssh } from "./kit.ts";

const aead = ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com"];
const counter = ["aes256-ctr", "aes192-ctr", "aes128-ctr"];
const macs = [
  "hmac-sha2-256-etm@openssh.com",
  "hmac-sha2-512-etm@openssh.com",
  "hmac-sha2-256",
  "hmac-sha2-512",
];
const kexes = ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"];

const content = new Uint8Array(1_500_000);
for (let offset = 0; offset < content.length; offset += 50_000) {
  crypto.getRandomValues(content.subarray(offset, offset + 50_000));
}

const echo = onExec((accept) => {
  const channel = accept();
  channel.on("data", (chunk: Buffer) => {
    if (channel.write(chunk)) return;
    channel.pause();
    channel.once("drain", () => channel.resume());
  });
  channel.on("end", () => {
    sendEof(channel);
    sendExit(channel, { code: 0 });
    closeChannel(channel);
  });
});

/** Sends 1.5 MB there and back through OpenSSH, with new keys every 256 KiB. */
async function roundTrip(ciphers: "libcrypto" | "javascript", options: string[]): Promise<number> {
  let exchanges = 0;
  await using server = await serve("ours", (connection) => {
    connection.on("handshake", () => exchanges++);
    echo(connection);
  }, { ciphers });
  const { code, stdout, stderr } = await ssh(server.port, ["cat"], {
    stdin: content,
    options: [...options, "-oRekeyLimit=256K"],
  });
  assert.equal(code, 0, stderr);
  assert.equal(Buffer.compare(stdout, content), 0);
  assert.deepEqual(server.errors, []);
  return exchanges;
}

for (const kex of kexes) {
  for (const cipher of [...aead, ...counter]) {
    Deno.test(`OpenSSH with ${kex} and ${cipher} gets every byte there and back through many rekeys`, async () => {
      const exchanges = await roundTrip("libcrypto", [`-oKexAlgorithms=${kex}`, `-oCiphers=${cipher}`]);
      assert.ok(exchanges >= 4, `${exchanges} key exchanges`);
    });
  }
}

for (const mac of macs) {
  Deno.test(`OpenSSH with aes128-ctr and ${mac} gets every byte there and back`, async () => {
    await roundTrip("libcrypto", ["-oCiphers=aes128-ctr", `-oMACs=${mac}`]);
  });
}

for (const cipher of [...aead, "aes128-ctr"]) {
  Deno.test(`OpenSSH with ${cipher} gets every byte there and back without libcrypto`, async () => {
    await roundTrip("javascript", [`-oCiphers=${cipher}`]);
  });
}

for (const key of ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]) {
  Deno.test(`OpenSSH that trusts ${key} host keys only gets in`, async () => {
    await roundTrip("libcrypto", [`-oHostKeyAlgorithms=${key}`]);
  });
}

Deno.test("ssh-rsa, SHA-1, CBC, finite-field groups and compression are not offered", async () => {
  await using server = await serve("ours", echo);
  for (
    const option of [
      "HostKeyAlgorithms=ssh-rsa",
      "MACs=hmac-sha1",
      "Ciphers=aes128-cbc",
      "KexAlgorithms=diffie-hellman-group14-sha256",
      "KexAlgorithms=ecdh-sha2-nistp521",
    ]
  ) {
    const more = option.startsWith("MACs") ? ["-oCiphers=aes128-ctr"] : [];
    const { code, stderr } = await ssh(server.port, ["true"], { options: [`-o${option}`, ...more] });
    assert.equal(code, 255);
    assert.match(stderr, /no matching/);
  }
  const { stderr } = await ssh(server.port, ["cat"], { options: ["-oCompression=yes", "-vv"] });
  assert.match(stderr, /kex: server->client .* compression: none/);
});

type Cipher = "aes128-gcm@openssh.com";

/** Logs in, then changes one bit of the next packet behind its length. */
async function tamper(cipher: string, mac: string | undefined, ciphers: "libcrypto" | "javascript") {
  await using server = await serve("ours", echo, { ciphers });
  await using client = await new RawClient().connect(server.port, {
    algorithms: { cipher: [cipher as Cipher], ...(mac ? { hmac: [mac as "hmac-sha2-256"] } : {}) },
  }).ready();
  await client.settled();
  const pieces: Uint8Array[] = [];
  client.protocol._onWrite = (data) => void pieces.push(data);
  const { socket } = client;
  const write = socket.write.bind(socket);
  socket.write = ((data: Uint8Array) => {
    pieces.push(Buffer.from(data));
    return true;
  }) as typeof socket.write;
  client.send(Buffer.of(2), Buffer.alloc(100));
  const packet = Buffer.concat(pieces);
  packet[40]! ^= 0x10;
  write(packet);
  await client.closed;
  return server.errors;
}

for (const [cipher, mac] of [...aead.map((name) => [name]), ...macs.map((name) => ["aes256-ctr", name])]) {
  Deno.test(`a packet changed on its way ends the connection: ${cipher} ${mac ?? ""}`, async () => {
    assert.deepEqual(await tamper(cipher!, mac, "libcrypto"), ["Corrupted MAC on input"]);
  });
}

Deno.test("a packet changed on its way ends the connection without libcrypto too", async () => {
  assert.equal((await tamper("aes128-gcm@openssh.com", undefined, "javascript")).length, 1);
});

Deno.test("disconnect() from a handler ends the loop that delivers the packets of one read", async () => {
  const seen: string[] = [];
  await using server = await serve("ours", (connection) => {
    connection.on("session", (accept) => {
      accept().on("env", (_accept, _reject, info) => {
        seen.push((info as unknown as { key: string }).key);
        disconnect(connection, DisconnectReason.byApplication, "enough");
      });
    });
  });
  await using client = await new RawClient().connect(server.port, {
    algorithms: { cipher: ["aes128-gcm@openssh.com"] },
  }).ready();
  const channel = await client.openSession();
  client.socket.cork();
  const text = (value: string) => Buffer.concat([Buffer.of(0, 0, 0, value.length), Buffer.from(value)]);
  for (const name of ["A", "B", "C"]) client.request(channel, "env", false, text(name), text("1"));
  client.socket.uncork();
  await client.closed;
  assert.deepEqual(seen, ["A"]);
  assert.deepEqual(server.errors, []);
});
