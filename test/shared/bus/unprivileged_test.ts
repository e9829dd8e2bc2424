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

/** A folder with a CA of its own (ca.pem) and a certificate for 127.0.0.1 (cert.pem, key.pem). */
async function makeCertificates(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const certificate = (name: string, more: string[]) =>
    run(
      ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        .concat("-days", "1", "-keyout", `${folder}/${name}.key`, "-out", `${folder}/${name}.pem`, more),
    );
  await certificate("ca", ["-subj", "/CN=ca"]);
  const issued = await certificate("cert", [
    ...["-CA", `${folder}/ca.pem`, "-CAkey", `${folder}/ca.key`],
    ...["-subj", "/CN=bus", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"],
  ]);
  assert.equal(issued.code, 0, issued.stderr);
  return folder;
}

Deno.test("connectBus() asks for mutual TLS, reconnects with it unprivileged, and goes without it nowhere", async () => {
  const me = anyone();
  const folder = await makeCertificates();
  const tls = { ca: `${folder}/ca.pem`, cert: `${folder}/cert.pem`, key: `${folder}/cert.key` };
  await using secured = await TestServer.start("nats-server", [me], {
    tls: { cert_file: tls.cert, key_file: tls.key, ca_file: tls.ca, verify: true },
  });
  await using plain = await TestServer.start("nats-server", [me]);
  await withSeedFile(me.seed, async (nkeySeedFile) => {
    await using process = await startUnprivileged({ servers: [secured.url], nkeySeedFile, tls });
    await until("it is up", () => process.lines.length === 1);
    await secured.kill();
    await until("it is down", () => process.lines.length === 2);
    await secured.start();
    await until("it is up again", () => process.lines.length === 3);
    assert.deepEqual(process.lines, ["up 3", "down", "up 3"]);
    await using tricked = await startUnprivileged({ servers: [plain.url], nkeySeedFile, tls });
    await using anonymous = await startUnprivileged({
      servers: [secured.url],
      nkeySeedFile,
      tls: { ca: tls.ca, cert: null, key: null },
    });
    for (const { lines } of [tricked, anonymous]) {
      await until("it is told why not", () => lines.length > 0);
      assert.match(lines[0] ?? "", /^error BusError: Cannot connect to the bus at /);
    }
  });
  await Deno.remove(folder, { recursive: true });
});
