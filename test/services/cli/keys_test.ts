import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert/strict";
import { loadConfig } from "../../../shared/config/load.ts";
import { toGatewaySettings, toHostSettings } from "../../../shared/config/settings.ts";
import { loadMembership } from "../../../shared/trust/files.ts";
import { run as runKeys } from "../../../services/cli/keys.ts";
import { run } from "../../support/command.ts";

/** Runs the verb without its words on the terminal. */
async function keys(state: string, action: string, name = "", options: Record<string, string> = {}) {
  const log = console.log;
  const said: string[] = [];
  console.log = (line: string) => said.push(line);
  try {
    await runKeys({ state, ...options }, action, name);
  } finally {
    console.log = log;
  }
  return said;
}

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "keys-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const modeOf = async (file: string) => ((await Deno.stat(file)).mode! & 0o777).toString(8);

Deno.test("keys makes a folder for each member that is ready to be used, and its secrets nobody else's", async () => {
  await inFolder(async (folder) => {
    await keys(folder, "init", "", { bus: "tls://bus.example.org:4222, tls://bus2.example.org:4222" });
    await keys(folder, "add-host", "web-1");
    await keys(folder, "add-gateway", "gate-1");
    const host = toHostSettings(loadConfig(`${folder}/hosts/web-1/sallyport.yaml`));
    const gateway = toGatewaySettings(loadConfig(`${folder}/gateways/gate-1/sallyport.yaml`));
    deepStrictEqual(host.bus.servers, ["tls://bus.example.org:4222", "tls://bus2.example.org:4222"]);
    deepStrictEqual([host.name, gateway.name, gateway.defaultHost], ["web-1", "gate-1", null]);
    loadMembership(host, { kind: "host", name: "web-1" });
    loadMembership(gateway, { kind: "gateway", name: "gate-1" });
    for (const secret of ["fleet.key", "hosts/web-1/identity", "hosts/web-1/nkey", "gateways/gate-1/nkey"]) {
      strictEqual(await modeOf(`${folder}/${secret}`), "600", secret);
    }
    const print = ["ssh-keygen", "-l", "-f", `${folder}/gateways/gate-1/ssh_host_ed25519_key`];
    match((await run(print)).stdout, /gate-1 \(ED25519\)/);
  });
});

Deno.test("keys goes on where it was interrupted, and changes nobody's keys but the revoked one's", async () => {
  await inFolder(async (folder) => {
    await keys(folder, "init");
    await keys(folder, "add-host", "a");
    await keys(folder, "add-host", "b");
    const identity = (name: string) => Deno.readTextFile(`${folder}/hosts/${name}/identity`);
    const [a, b] = [await identity("a"), await identity("b")];
    await Deno.remove(`${folder}/hosts/a/nkey`); // As if the power had failed in between.
    await keys(folder, "add-host", "a");
    strictEqual(await identity("a"), a);
    const listed = await keys(folder, "list");
    deepStrictEqual(listed.map((line) => line.split(" ")[0]), ["bus", "host:b", "host:a"]);
    const nkey = (await Deno.readTextFile(`${folder}/hosts/a/nkey.pub`)).trim();
    match(await Deno.readTextFile(`${folder}/nats-server.conf`), new RegExp(nkey));

    await keys(folder, "revoke", "host:a");
    const config = await Deno.readTextFile(`${folder}/nats-server.conf`);
    strictEqual(config.includes(nkey), false);
    await keys(folder, "add-host", "a");
    strictEqual(await identity("b"), b);
    strictEqual(await identity("a") === a, false, "it comes back with keys of its own");
    const host = toHostSettings(loadConfig(`${folder}/hosts/a/sallyport.yaml`));
    loadMembership(host, { kind: "host", name: "a" });
    await Deno.writeTextFile(`${folder}/hosts/a/identity`, a);
    throws(() => loadMembership(host, { kind: "host", name: "a" }), /it is revoked/);
  });
});

Deno.test("keys signs a certificate for each pair of gateway and host, with whichever comes later", async () => {
  await inFolder(async (folder) => {
    const said = await keys(folder, "init");
    match(said[0]!, /ssh_ca goes into people's known_hosts/);
    await keys(folder, "add-host", "web-1");
    await keys(folder, "add-gateway", "gate-1", { address: "gate.example.org, 192.0.2.1" });
    await keys(folder, "add-gateway", "gate-2");
    await keys(folder, "add-host", "web-2");
    const pairs = async (member: string) =>
      (await Deno.readTextFile(`${folder}/${member}/host_certificates`)).trim().split("\n")
        .map((line) => line.split(" ").slice(2).join(" "));
    deepStrictEqual(await pairs("gateways/gate-1"), ["gate-1 web-1", "gate-1 gate-1"]);
    deepStrictEqual(await pairs("gateways/gate-2"), ["gate-2 web-1", "gate-2 gate-2"]);
    deepStrictEqual(await pairs("hosts/web-2"), ["gate-1 web-2", "gate-2 web-2"]);

    const [, own] = (await Deno.readTextFile(`${folder}/gateways/gate-1/host_certificates`)).split("\n");
    await Deno.writeTextFile(`${folder}/own-cert.pub`, own!);
    const { stdout } = await run(["ssh-keygen", "-L", "-f", `${folder}/own-cert.pub`]);
    match(stdout, /Principals:\s+gate-1\s+gate\.example\.org\s+192\.0\.2\.1\s+Critical/);
    const revoked = await keys(folder, "revoke", "gateway:gate-1");
    const blob =
      (await run(["ssh-keygen", "-y", "-f", `${folder}/gateways/gate-2/ssh_host_ed25519_key`])).stdout;
    match(revoked.at(-1)!, /^If its SSH host key was stolen, .*@revoked \* ssh-ed25519 AAAA\S+ gate-1$/);
    strictEqual(revoked.at(-1)!.includes(blob.split(" ")[1]!), false);
  });
});

Deno.test("keys says what it does not know, and does nothing then", async () => {
  await inFolder(async (folder) => {
    await rejects(
      keys(folder, "add-host", "a"),
      /There is no fleet in .*: make one with sallyport keys init/,
    );
    await keys(folder, "init");
    await rejects(keys(folder, "toString"), /Cannot do "toString" with keys/);
    await rejects(keys(folder, "issue"), /the actions are init, add-gateway, add-host, revoke, list/);
    await rejects(keys(folder, "add-host", "a.b"), /Give a name with letters/);
    await rejects(keys(folder, "revoke", "host:a"), /There is no member "host:a"/);
    await rejects(keys(folder, "init", "", { tlsCert: "/x" }), /Give --tls-cert and --tls-key together/);
    deepStrictEqual(await keys(folder, "list"), ["bus nats://127.0.0.1:4222"]);
  });
});
