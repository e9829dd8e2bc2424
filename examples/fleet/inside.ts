/** The half of `deno task fleet` that runs in its namespaces: the fleet, until standard input ends. */

import { must } from "./command.ts";
import { Fleet, type Party, type Sections, sshPort } from "./fleet.ts";
import { gatewayPorts, passOn, socketOf, sshConfig } from "./outside.ts";

/** Something to tell the hosts apart by. */
const labels: Record<string, Record<string, string>> = {
  "host-1": { env: "prod", role: "web" },
  "host-2": { env: "prod", role: "db" },
  "host-3": { env: "test", role: "web" },
};

if (import.meta.main) {
  await main(Deno.args);
  // Sockets may still be listened on.
  Deno.exit(0);
}

async function main([folder]: string[]): Promise<void> {
  if (!folder) throw new TypeError("Usage: inside.ts FOLDER");
  await must("ip", "link", "set", "lo", "up");
  await using fleet = await Fleet.start({ config });
  for (const [index, { address }] of fleet.gateways.entries()) {
    const listener = Deno.listen({ transport: "unix", path: socketOf(folder, index) });
    void passOn(listener, () => Deno.connect({ hostname: address, port: sshPort }));
  }
  Deno.copyFileSync(fleet.files.keyFile, `${folder}/id_ed25519`);
  Deno.chmodSync(`${folder}/id_ed25519`, 0o600);
  const hosts = fleet.hosts.map(({ name }) => name);
  const authority = Deno.readTextFileSync(fleet.files.authorityFile).trim();
  Deno.writeTextFileSync(`${folder}/ssh_config`, sshConfig(folder, hosts, authority));
  const ssh = `ssh -F ${folder}/ssh_config`;
  console.log(
    [
      `The fleet is up: ${hosts.join(", ")}, behind gateway-1 and gateway-2 (ports ${
        gatewayPorts.join(", ")
      }).`,
      "In another terminal:",
      `  ${ssh} newcomer@host-1`,
      `  ${ssh} newcomer+env=test@gateway-2`,
      `  ${ssh} +hosts@gateway-1`,
      "^C ends it, and leaves nothing behind.",
    ].join("\n"),
  );
  for await (const _ of Deno.stdin.readable);
}

function config({ kind, name }: Party): Sections {
  return kind === "host" ? { host: { labels: labels[name], detach: "10m" } } : {};
}
