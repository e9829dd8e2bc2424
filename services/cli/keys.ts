/** `sallyport keys …`: the fleet key, which can live offline, its members, and nats-server's configuration for them. */

import { join } from "node:path";
import { isName } from "../../shared/protocol/names.ts";
import type { IdentityKind } from "../../shared/trust/identity.ts";
import { ExitCode, Failure } from "./failure.ts";
import { bundleFolder, makeBundle, removeBundle } from "./keys/bundle.ts";
import { revokedLine, writeCertificates } from "./keys/host_certificates.ts";
import { makeFleetKey } from "./keys/fleet_key.ts";
import { type FleetRecord, hasFleet, readFleet, writeFleet } from "./keys/members.ts";
import { natsServerConfig } from "./keys/nats_config.ts";
import { revokeKey } from "./keys/revocations.ts";
import { writeWhole } from "./state_files.ts";
import { type Options, textOption } from "./verb.ts";

const defaultBus = "nats://127.0.0.1:4222";
const natsPort = 4222;

// deno-lint-ignore require-await -- every verb returns a promise
export async function run(options: Options, action = "", name = ""): Promise<ExitCode> {
  const folder = textOption(options, "state") ?? "";
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (!act) {
    const known = Object.keys(actions).join(", ");
    throw new Failure(`Cannot do "${action}" with keys: the actions are ${known}`, ExitCode.usage);
  }
  act(folder, options, name);
  return ExitCode.ok;
}

const actions: Record<string, (folder: string, options: Options, name: string) => void> = {
  init,
  "add-gateway": (folder, options, name) => add(folder, options, "gateway", name),
  "add-host": (folder, options, name) => add(folder, options, "host", name),
  revoke,
  list,
};

function init(folder: string, options: Options): void {
  makeFleetKey(folder);
  const empty: FleetRecord = { bus: [defaultBus], tls: null, members: [] };
  const config = writeAll(folder, { ...(hasFleet(folder) ? readFleet(folder) : empty), ...told(options) });
  console.log(
    `${join(folder, "ssh_ca")} goes into people's known_hosts: by it they believe every gateway and host.`,
  );
  console.log(`${join(folder, "fleet.key")} signs identities: keep it offline.`);
  console.log(`${config} is for nats-server; add-gateway and add-host write it anew.`);
}

/** What the command line says anew of the fleet. */
function told(options: Options): Partial<FleetRecord> {
  const bus = textOption(options, "bus")?.split(",").map((server) => server.trim());
  const [cert, key] = [textOption(options, "tlsCert"), textOption(options, "tlsKey")];
  if ((cert === undefined) !== (key === undefined)) {
    throw new Failure("Give --tls-cert and --tls-key together", ExitCode.usage);
  }
  const tls = cert !== undefined && key !== undefined
    ? { cert, key, ca: textOption(options, "tlsCa") ?? null }
    : undefined;
  return { ...(bus && { bus }), ...(tls && { tls }) };
}

function add(folder: string, options: Options, kind: IdentityKind, name: string): void {
  mustBeName(name);
  const fleet = { ...readFleet(folder), ...told(options) };
  const member = makeBundle(folder, { kind, name, bus: fleet.bus });
  const others = fleet.members.filter((known) => known.kind !== kind || known.name !== name);
  const addresses = textOption(options, "address")?.split(",").map((address) => address.trim()) ?? [];
  writeCertificates(folder, member, others, addresses);
  const config = writeAll(folder, { ...fleet, members: [...others, member] });
  console.log(`${bundleFolder(folder, member)} goes to /etc/sallyport on ${name}, and nowhere else.`);
  console.log(`${config} has its rights: have nats-server read it again.`);
}

/** The bus lets a revoked member in no more; whoever has the new list believes it no more, and tells all others. */
function revoke(folder: string, _options: Options, what: string): void {
  const fleet = readFleet(folder);
  const [kind, name] = what.split(":");
  const member = fleet.members.find((known) => known.kind === kind && known.name === name);
  if (!member) {
    throw new Failure(
      `There is no member "${what}": give gateway:NAME or host:NAME, as keys list shows them`,
      ExitCode.usage,
    );
  }
  const list = revokeKey(folder, member.publicKey);
  const config = writeAll(folder, {
    ...fleet,
    members: fleet.members.filter((known) => known !== member),
  });
  const noMore = member.kind === "gateway" ? revokedLine(folder, member) : null;
  removeBundle(folder, member);
  console.log(`${config} has no ${kind} ${name} any more: have nats-server read it again.`);
  console.log(
    `${list} names it as revoked: copy it beside the trust file of one host, which tells all others.`,
  );
  if (noMore !== null) {
    console.log(`If its SSH host key was stolen, people need in their known_hosts: ${noMore}`);
  }
}

function list(folder: string): void {
  const { bus, members } = readFleet(folder);
  console.log(`bus ${bus.join(",")}`);
  for (const { kind, name, nkey } of members) console.log(`${kind}:${name} ${nkey}`);
}

/** @returns The file for nats-server */
function writeAll(folder: string, fleet: FleetRecord): string {
  const file = join(folder, "nats-server.conf");
  writeFleet(folder, fleet);
  writeWhole(file, 0o644, natsServerConfig(fleet.members, { port: natsPort, tls: fleet.tls }));
  return file;
}

function mustBeName(name: string): void {
  if (isName(name)) return;
  throw new Failure("Give a name with letters, digits, - and _", ExitCode.usage);
}
