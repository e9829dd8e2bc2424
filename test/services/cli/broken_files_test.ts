/** What a person reads when a file that the configuration names is missing or damaged: one line, and at once. */

import assert from "node:assert/strict";
import { openState } from "../../../services/cli/start/state.ts";
import { run } from "../../support/command.ts";
import { freePort } from "../../support/ports.ts";

const main = new URL("../../../services/main.ts", import.meta.url).pathname;

/** Files of a first start, one of them spoilt; `null` removes it. */
function spoilt(name: string, change: ((text: string) => string) | null): { folder: string } & Disposable {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-broken-" });
  openState(folder, { hostname: "127.0.0.1", port: freePort() });
  const file = `${folder}/${name}`;
  if (change === null) Deno.removeSync(file);
  else Deno.writeTextFileSync(file, change(Deno.readTextFileSync(file)));
  return { folder, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

/** Another letter in the middle, so that only a checksum or a decoder can tell. */
function garbled(text: string): string {
  const middle = Math.floor(text.length / 2);
  return text.slice(0, middle) + (text[middle] === "A" ? "B" : "A") + text.slice(middle + 1);
}

const cases: [verb: string, file: string, change: ((text: string) => string) | null, sentence: RegExp][] = [
  ["gateway", "ssh_host_ed25519_key", null, /^Cannot read FILE: there is no such file$/],
  ["gateway", "ssh_host_ed25519_key", () => "none", /^Cannot use FILE: .*; make a key without passphrase/],
  ["gateway", "gateway.identity", () => "{", /^Cannot use FILE: .*; replace it: sallyport keys add-/],
  ["gateway", "trust", null, /^Cannot read FILE: there is no such file$/],
  ["gateway", "gateway.nkey", garbled, /^Cannot use FILE: it must hold the seed of a user nkey/],
  [
    "host",
    "host.identity",
    (text) => text.slice(0, -30),
    /^Cannot use FILE: .*; replace it: sallyport keys add-/,
  ],
  ["host", "host.identity", garbled, /^Cannot use FILE with \S+\/trust: .*did not sign it; replace/],
  ["host", "trust", () => "{}", /^Cannot use FILE: .*; replace it: a copy of the fleet's trust file/],
  ["host", "host.nkey", null, /^Cannot read FILE: there is no such file$/],
  ["broker", "broker.identities", () => "[", /^Cannot read FILE: it is not JSON; correct it/],
  [
    "broker",
    "broker.identities",
    (text) => text.replace(/"U\w+"/, (key) => garbled(key)),
    /^Cannot read FILE\.identities\[0\]\.publicKey: it must be a public nkey.*; correct it/,
  ],
];

for (const [verb, name, change, sentence] of cases) {
  const state = change === null ? "missing" : "damaged";
  Deno.test(`${verb} says in one line that its ${name} is ${state} (${sentence.source.slice(1, 30)}…)`, async () => {
    using files = spoilt(name, change);
    const file = `${files.folder}/${name}`;
    const command = ["run", "--quiet", "-A", main, verb, "--config", `${files.folder}/sallyport.yaml`];
    const { code, stdout, stderr } = await run([Deno.execPath(), ...command], { timeoutMs: 20_000 });
    assert.equal(stdout, "");
    assert.equal(code, 111, stderr);
    assert.match(stderr, /^[^\n]+\n$/);
    assert.match(stderr.trimEnd().replaceAll(file, "FILE"), sentence);
  });
}

Deno.test("start says at once that bus.servers and broker.listen do not agree, with file and line", async () => {
  using files = spoilt("sallyport.yaml", (text) => text.replace(/(- nats:\/\/127\.0\.0\.1:)\d+/, "$11"));
  const command = ["run", "--quiet", "-A", main, "start", "--state", files.folder];
  const { code, stderr } = await run([Deno.execPath(), ...command], { timeoutMs: 20_000 });
  assert.equal(code, 100);
  assert.match(
    stderr,
    /^\S+\/sallyport\.yaml:\d+:\d+: bus\.servers must name nats:\/\/127\.0\.0\.1:\d+, [^\n]+\n$/,
  );
});
