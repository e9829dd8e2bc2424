/** The files of the fleet: keys, the bus's configuration, and a sallyport.yaml for each machine. */

import { createNkey } from "../../shared/bus/nkeys.ts";
import { makeFleetKey, makeIdentity } from "../../services/cli/keys/fleet_key.ts";
import type { Member } from "../../services/cli/keys/members.ts";
import { natsServerConfig } from "../../services/cli/keys/nats_config.ts";
import { generateOpensshKey } from "../../services/cli/start/openssh_key.ts";
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
  configFile(party: Party): string;
}

export interface FilesOptions {
  folder: string;
  parties: Party[];
  busAddress: string;
  /** What a party's sallyport.yaml has beside the fleet's own. */
  config: (party: Party) => Sections;
}

/** Writes everything below `folder`. Machines read their own part of it only. */
export function writeFiles({ folder, parties, busAddress, config }: FilesOptions): FleetFiles {
  const keyFile = `${folder}/id_ed25519`;
  const { privateText, publicLine } = generateOpensshKey("operator");
  Deno.writeTextFileSync(keyFile, privateText, { mode: 0o600 });
  Deno.writeTextFileSync(`${keyFile}.pub`, `${publicLine}\n`);
  makeFleetKey(folder);
  const folderOf = ({ name }: Party) => `${folder}/${name}`;
  const configFile = (party: Party) => `${folderOf(party)}/sallyport.yaml`;
  const members: Pick<Member, "kind" | "name" | "nkey">[] = [];
  for (const party of parties) {
    const own = folderOf(party);
    Deno.mkdirSync(own, { mode: 0o711 });
    Deno.copyFileSync(`${folder}/trust`, `${own}/trust`);
    Deno.renameSync(
      makeIdentity(folder, party.kind, party.name, `${party.name}.identity`),
      `${own}/identity`,
    );
    const { seed, publicKey } = createNkey();
    Deno.writeTextFileSync(`${own}/nkey`, seed, { mode: 0o600 });
    members.push({ ...party, nkey: publicKey });
    if (party.kind === "gateway") {
      const hostKey = generateOpensshKey(party.name);
      Deno.writeTextFileSync(`${own}/ssh_host_ed25519_key`, hostKey.privateText, { mode: 0o600 });
    } else installStack(own, `${own}/run`);
    const sections = merged(
      party.kind === "host" ? hostSections(party.name) : gatewaySections(party.name, publicLine, parties),
      { bus: { servers: [`nats://${busAddress}:${busPort}`] } },
      config(party),
    );
    // JSON is YAML.
    Deno.writeTextFileSync(configFile(party), JSON.stringify(sections, null, 2), { mode: 0o640 });
  }
  const busConfigFile = `${folder}/nats-server.conf`;
  Deno.writeTextFileSync(busConfigFile, natsServerConfig(members, { port: busPort, tls: null }));
  return { keyFile, busConfigFile, configFile };
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
      host: parties.find(({ kind }) => kind === "host")?.name ?? "none",
    },
    users: [{ name: "operator", keys: [operatorKey], roles: ["everywhere"] }],
    roles: { everywhere: { logins: ["*"] } },
  };
}

function hostSections(name: string): Sections {
  return {
    host: { name, identity: "identity", nkey: "nkey", trust: "trust", pam_confdir: "pam.d", subsystems },
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
