/** The files of the fleet: keys, the bus's configuration, and a sallyport.yaml for each machine. */

import { bundleFolder, makeBundle } from "../../services/cli/keys/bundle.ts";
import { makeFleetKey } from "../../services/cli/keys/fleet_key.ts";
import { writeCertificates } from "../../services/cli/keys/host_certificates.ts";
import type { Member } from "../../services/cli/keys/members.ts";
import { natsServerConfig } from "../../services/cli/keys/nats_config.ts";
import { makeOpensshKey } from "../../services/cli/start/openssh_key.ts";
import { bundledService, installStack } from "../../services/cli/start/stack.ts";

export type Settings = Record<string, unknown>;

/** Keys of sallyport.yaml to put over the fleet's own, section by section. */
export type Sections = Record<string, Settings | unknown[]>;

export interface Party {
  kind: "gateway" | "host";
  name: string;
}

/** NATS's own port, and the gateways'. Every machine has an address of its own, so that none is taken. */
export const busPort = 4222;
export const sshPort = 2222;

export interface FleetFiles {
  /** The private key of the one user. */
  keyFile: string;
  busConfigFile: string;
  /** The line for known_hosts by which ssh believes every gateway and host. */
  authorityFile: string;
  configFile(party: Party): string;
}

export interface FilesOptions {
  folder: string;
  parties: Party[];
  busAddress: string;
  /** What a party's sallyport.yaml has beside the fleet's own. */
  config: (party: Party) => Sections;
}

/** Writes everything below `folder`, as `sallyport keys` does. Machines read their own part of it only. */
export function writeFiles({ folder, parties, busAddress, config }: FilesOptions): FleetFiles {
  const keyFile = `${folder}/id_ed25519`;
  makeOpensshKey(keyFile, "operator");
  const operatorKey = Deno.readTextFileSync(`${keyFile}.pub`).trim();
  makeFleetKey(folder);
  const configFile = (party: Party) => `${bundleFolder(folder, party)}/sallyport.yaml`;
  const bus = [`nats://${busAddress}:${busPort}`];
  const members: Member[] = [];
  for (const party of parties) {
    const member = makeBundle(folder, { ...party, bus });
    writeCertificates(folder, party, members, []);
    members.push(member);
    const own = bundleFolder(folder, party);
    for (const passed of [own, `${own}/..`]) Deno.chmodSync(passed, 0o711);
    if (party.kind === "host") installStack(own, `${own}/run`);
    const sections = merged(
      party.kind === "host" ? hostSections(party.name) : gatewaySections(party.name, operatorKey, parties),
      { bus: { servers: bus } },
      config(party),
    );
    // JSON is YAML.
    Deno.writeTextFileSync(configFile(party), JSON.stringify(sections, null, 2), { mode: 0o640 });
  }
  const busConfigFile = `${folder}/nats-server.conf`;
  Deno.writeTextFileSync(busConfigFile, natsServerConfig(members, { port: busPort, tls: null }));
  return { keyFile, busConfigFile, authorityFile: `${folder}/ssh_ca`, configFile };
}

function gatewaySections(name: string, operatorKey: string, parties: Party[]): Sections {
  return {
    gateway: {
      name,
      listen: [`0.0.0.0:${sshPort}`],
      host_keys: ["ssh_host_ed25519_key"],
      identity: "identity",
      nkey: "nkey",
      trust: "trust",
      host_certificates: "host_certificates",
      host: parties.find(({ kind }) => kind === "host")?.name ?? "none",
    },
    users: [{ name: "operator", keys: [operatorKey], roles: ["everywhere"] }],
    roles: { everywhere: { logins: ["*"] } },
  };
}

function hostSections(name: string): Sections {
  return {
    host: {
      name,
      identity: "identity",
      nkey: "nkey",
      trust: "trust",
      certificates: "host_certificates",
      pam_confdir: "pam.d",
      subsystems,
    },
    ssh_service: { pam: { enabled: "yes", service_name: bundledService } },
  };
}

const subsystems = { sftp: "/usr/lib/openssh/sftp-server" };

function merged(...all: Sections[]): Sections {
  const result: Sections = {};
  for (const [section, keys] of all.flatMap(Object.entries<Settings | unknown[]>)) {
    result[section] = Array.isArray(keys) ? keys : { ...(result[section] as Settings | undefined), ...keys };
  }
  return result;
}
