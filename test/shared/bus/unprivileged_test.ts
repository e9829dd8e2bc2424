import assert from "node:assert/strict";
import { anyone, type ServerKind, serverKinds, TestServer } from "../../services/broker/servers.ts";
import { run } from "../../support/command.ts";
import { until } from "../../support/wait.ts";

const script = new URL("unprivileged.ts", import.meta.url).pathname;
const config = new URL("../../../deno.json", import.meta.url).pathname;

/** A process of its own that drops its privileges before it connects; its lines of output so far. */
async function startUnprivileged(settings: unknown) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      `--config=${config}`,
      "-A",
      script,
      JSON.stringify(settings),
      "me",
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: string[] = [];
  const reading = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      lines.push(...chunk.split("\n").filter((line) => line !== ""));
    }
  })();
  await Promise.resolve();
  return {
    lines,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await Promise.all([child.status, reading]);
    },
  };
}

async function withSeedFile<T>(seed: string, action: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, seed);
    await Deno.chmod(path, 0o600);
    return await action(path);
  } finally {
    await Deno.remove(path);
  }
}

async function reconnects(kind: ServerKind): Promise<void> {
  const me = anyone();
  await using server = await TestServer.start(kind, [me]);
  await withSeedFile(me.seed, async (nkeySeedFile) => {
    await using process = await startUnprivileged({ servers: [server.url], nkeySeedFile, tls: null });
    await until("it is up", () => process.lines.length === 1);
    await server.kill();
    await until("it is down", () => process.lines.length === 2);
    await server.start();
    await until("it is up again", () => process.lines.length === 3);
    assert.deepEqual(process.lines, ["up 3", "down", "up 3"]);
  });
}

for (const kind of serverKinds) {
  Deno.test(`connectBus() to ${kind} connects and reconnects without the privileges it read its seed with`, () =>
    reconnects(kind));
}

/** A folder with a CA of its own (ca.pem) and a certificate of it for `address` (cert.pem, cert.key). */
async function makeCertificates(address: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  const make = async (name: string, more: string[]) => {
    const { code, stderr } = await run(
      ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        .concat("-days", "1", "-keyout", `${folder}/${name}.key`, "-out", `${folder}/${name}.pem`, more),
    );
    assert.equal(code, 0, stderr);
  };
  await make("ca", ["-subj", "/CN=ca"]);
  await make("cert", [
    ...["-CA", `${folder}/ca.pem`, "-CAkey", `${folder}/ca.key`],
    ...[
      "-subj",
      "/CN=bus",
      "-addext",
      `subjectAltName=IP:${address}`,
      "-addext",
      "basicConstraints=CA:FALSE",
    ],
  ]);
  return folder;
}

function serverTls(folder: string) {
  const [cert_file, key_file, ca_file] = [`${folder}/cert.pem`, `${folder}/cert.key`, `${folder}/ca.pem`];
  return { tls: { cert_file, key_file, ca_file, verify: true } };
}

Deno.test("connectBus() proves itself by TLS and reconnects with it unprivileged", async () => {
  const me = anyone();
  const folder = await makeCertificates("127.0.0.1");
  const tls = { ca: `${folder}/ca.pem`, cert: `${folder}/cert.pem`, key: `${folder}/cert.key` };
  await using server = await TestServer.start("nats-server", [me], serverTls(folder));
  await withSeedFile(me.seed, async (nkeySeedFile) => {
    await using process = await startUnprivileged({ servers: [server.url], nkeySeedFile, tls });
    await until("it is up", () => process.lines.length === 1);
    await server.kill();
    await until("it is down", () => process.lines.length === 2);
    await server.start();
    await until("it is up again", () => process.lines.length === 3);
    assert.deepEqual(process.lines, ["up 3", "down", "up 3"]);
  });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("connectBus() with TLS goes to no server without it, of another CA, or of another address", async () => {
  const me = anyone();
  const [folder, elsewhere] = [await makeCertificates("127.0.0.1"), await makeCertificates("127.0.0.9")];
  await using secured = await TestServer.start("nats-server", [me], serverTls(folder));
  await using misplaced = await TestServer.start("nats-server", [me], serverTls(elsewhere));
  await using plain = await TestServer.start("nats-server", [me]);
  const tls = (from: string) => ({ ca: `${from}/ca.pem`, cert: `${from}/cert.pem`, key: `${from}/cert.key` });
  const tries: [server: TestServer, tls: unknown, why: RegExp][] = [
    [plain, tls(folder), /does not support 'tls'/],
    [secured, tls(elsewhere), /certificate|issuer|unknown/i],
    [misplaced, tls(elsewhere), /altnames/],
    [secured, { ...tls(folder), cert: null, key: null }, /./],
  ];
  await withSeedFile(me.seed, async (nkeySeedFile) => {
    for (const [server, tls, why] of tries) {
      await using process = await startUnprivileged({ servers: [server.url], nkeySeedFile, tls });
      await until("it is told why not", () => process.lines.length > 0, { timeoutMs: 30_000 });
      const line = process.lines[0] ?? "";
      // On a busy machine the client's own deadline may come before the server's reason.
      const said = /^error BusError: Cannot connect to the bus at \S+: (?:.*time.?out|(.*))$/i.exec(line);
      assert.ok(said, line);
      if (said[1] !== undefined) assert.match(said[1], why, line);
    }
  });
  for (const made of [folder, elsewhere]) await Deno.remove(made, { recursive: true });
});
