import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { closeChannel, sendEof, sendExit } from "../../../../services/gateway/ssh2/mod.ts";
import { decode, feed, hostKeys, keys, onExec, serve } from "./kit.ts";

const content = new TextEncoder().encode("line\n".repeat(100_000));

const echo = onExec((accept, command) => {
  const channel = accept();
  channel.on("data", (chunk: Buffer) => {
    if (channel.write(chunk)) return;
    channel.pause();
    channel.once("drain", () => channel.resume());
  });
  channel.on("end", () => {
    channel.stderr.write(`ran ${command}\n`);
    sendEof(channel);
    sendExit(channel, { code: 6 });
    closeChannel(channel);
  });
});

async function run(program: string, args: string[]) {
  const child = new Deno.Command(program, {
    args,
    env: { HOME: keys().folder },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  await feed(child.stdin, content);
  const { code, stdout, stderr } = await output;
  return { code, stdout, stderr: decode(stderr) };
}

Deno.test("PuTTY's plink gets its output, its exit status, and every byte of its input back", async () => {
  await using server = await serve("ours", echo);
  const { keys: [key] } = hostKeys(["ed25519"]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(key!.getPublicSSH())));
  const fingerprint = `SHA256:${digest.toBase64().replace(/=+$/, "")}`;
  const { code, stdout, stderr } = await run("plink", [
    "-ssh",
    "-batch",
    "-hostkey",
    fingerprint,
    "-pw",
    "any",
    "-P",
    `${server.port}`,
    "someone@127.0.0.1",
    "cat",
  ]);
  assert.equal(code, 6, stderr);
  assert.equal(Buffer.compare(stdout, content), 0);
  assert.match(stderr, /ran cat/);
});

Deno.test("Dropbear's dbclient gets its output, its exit status, and every byte of its input back", async () => {
  await using server = await serve("ours", echo);
  const { code, stdout, stderr } = await run("dbclient", [
    "-y",
    "-y",
    "-p",
    `${server.port}`,
    "someone@127.0.0.1",
    "cat",
  ]);
  assert.equal(code, 6, stderr);
  assert.equal(Buffer.compare(stdout, content), 0);
  assert.match(stderr, /ran cat/);
});
