/** What a new member takes with it: a folder whose files go to /etc/sallyport on its machine. */

import { join } from "node:path";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import { type IdentityKind, readIdentity } from "../../../shared/trust/identity.ts";
import { reasonOf } from "../../../shared/text_file.ts";
import { Failure } from "../failure.ts";
import { makeOpensshKey } from "../start/openssh_key.ts";
import { createOnce, makeFolder, readOwn, writeWhole } from "../state_files.ts";
import { makeIdentity } from "./fleet_key.ts";
import { copyRevocations } from "./revocations.ts";
import type { Member } from "./members.ts";

export interface Newcomer {
  kind: IdentityKind;
  name: string;
  /** NATS URLs. */
  bus: string[];
}

/** Where the folder of a member is. */
export function bundleFolder(folder: string, { kind, name }: Pick<Newcomer, "kind" | "name">): string {
  return join(folder, `${kind}s`, name);
}

/** Makes what is missing of the folder. @returns The member with its public keys @throws {Failure} */
export function makeBundle(folder: string, newcomer: Newcomer): Member {
  const { kind, name } = newcomer;
  const own = bundleFolder(folder, newcomer);
  makeFolder(own);
  const identityFile = makeIdentity(folder, kind, name, join(`${kind}s`, name, "identity"));
  createOnce(join(own, "nkey"), 0o600, () => {
    const { seed, publicKey } = createNkey();
    writeWhole(join(own, "nkey.pub"), 0o644, `${publicKey}\n`);
    return `${seed}\n`;
  });
  writeWhole(join(own, "trust"), 0o644, readOwn(join(folder, "trust")));
  copyRevocations(folder, own);
  if (kind === "gateway") makeOpensshKey(join(own, "ssh_host_ed25519_key"), name);
  createOnce(
    join(own, "sallyport.yaml"),
    0o640,
    () => kind === "gateway" ? gatewayConfig(newcomer) : hostConfig(newcomer),
  );
  const { publicKey } = readIdentity(readOwn(identityFile)).credential;
  return { kind, name, publicKey, nkey: readOwn(join(own, "nkey.pub")).trim() };
}

/** A member of the same name that comes later gets keys of its own. @throws {Failure} */
export function removeBundle(folder: string, member: Pick<Newcomer, "kind" | "name">): void {
  const own = bundleFolder(folder, member);
  try {
    Deno.removeSync(own, { recursive: true });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) {
      throw new Failure(`Cannot remove ${own}: ${reasonOf(cause)}`);
    }
  }
}

const preface = (name: string) =>
  `# ${name}, made by \`sallyport keys\`; yours to change. These files belong into /etc/sallyport on that machine.
# Every key is explained in examples/sallyport.yaml.
`;

function busSection(servers: string[]): string {
  return `bus:\n  servers:\n${servers.map((server) => `    - ${server}\n`).join("")}`;
}

function hostConfig({ name, bus }: Newcomer): string {
  return `${preface(name)}
host:
  name: ${name}
  identity: identity
  trust: trust
  nkey: nkey
  certificates: host_certificates

${busSection(bus)}
ssh_service:
  pam:
    enabled: yes
    service_name: sshd
`;
}

function gatewayConfig({ name, bus }: Newcomer): string {
  return `${preface(name)}
gateway:
  name: ${name}
  listen:
    - 0.0.0.0:2222
  host_keys:
    - ssh_host_ed25519_key
  identity: identity
  trust: trust
  nkey: nkey
  host_certificates: host_certificates
  # The host that a login without +HOST means; without one it is for \`ssh -J\`.
  # host: web-1

${busSection(bus)}
# Nobody may log in yet:
users: []
#  - name: ada
#    keys:
#      - ssh-ed25519 AAAA… ada
#    roles:
#      - operators
roles: {}
#  operators:
#    logins:
#      - ada
`;
}
