import assert from "node:assert/strict";
import { readBusCredentials } from "../../../shared/bus/credentials.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import { TestOperator } from "./creds_kit.ts";

const settings = { servers: [], nkeySeedFile: null, tls: null };

Deno.test("readBusCredentials() reads seed and certificates at once", async () => {
  const [seedFile, ca] = [await Deno.makeTempFile(), await Deno.makeTempFile()];
  const { seed } = createNkey();
  await Deno.writeTextFile(seedFile, `${seed}\n`);
  await Deno.writeTextFile(ca, "PEM");
  const read = readBusCredentials({
    ...settings,
    nkeySeedFile: seedFile,
    tls: { ca, cert: null, key: null },
  });
  await Deno.remove(seedFile);
  await Deno.remove(ca);
  assert.deepEqual(read, {
    nkeySeed: new TextEncoder().encode(seed),
    tls: { ca: "PEM", cert: null, key: null },
  });
  assert.deepEqual(readBusCredentials(settings), { nkeySeed: null, tls: null });
});

Deno.test("readBusCredentials() knows a .creds file of NATS, and one that is cut off", async () => {
  const file = await Deno.makeTempFile();
  const text = new TestOperator().creds("me", { publish: [">"], subscribe: [">"], responds: false });
  const read = () => readBusCredentials({ ...settings, nkeySeedFile: file });
  await Deno.writeTextFile(file, text);
  const { nkeySeed, creds } = read();
  assert.deepEqual([nkeySeed, new TextDecoder().decode(creds)], [null, text.trim()]);
  for (const cut of [text.indexOf("SU") + 20, text.indexOf("-----BEGIN USER")]) {
    await Deno.writeTextFile(file, text.slice(0, cut));
    assert.throws(read, /it must hold the seed of a user nkey, .*, or be a \.creds file of NATS/);
  }
  await Deno.remove(file);
});

Deno.test("readBusCredentials() names the file that is missing or holds no seed, and never its content", async () => {
  assert.throws(
    () => readBusCredentials({ ...settings, nkeySeedFile: "/nonexistent/seed" }),
    /^Error: Cannot read \/nonexistent\/seed: /,
  );
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "SECRET");
  assert.throws(
    () => readBusCredentials({ ...settings, nkeySeedFile: file }),
    (error) => error instanceof Error && error.message.includes(file) && !error.message.includes("SECRET"),
  );
  await Deno.remove(file);
});
