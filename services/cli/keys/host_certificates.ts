/**
 * Host certificates, signed ahead of time for each pair of gateway and host: those made with a gateway lie with it, and
 * those made with a host lie with that, which tells the gateways. So a newcomer touches nobody else's files.
 */

import { join } from "node:path";
import {
  certificateType,
  publicKeyBlob,
  rawKeyOf,
  signHostCertificate,
} from "../../../shared/trust/host_certificate.ts";
import { exists, readOwn, writeWhole } from "../state_files.ts";
import { bundleFolder } from "./bundle.ts";
import type { Member } from "./members.ts";

const fileName = "host_certificates";

type Named = Pick<Member, "kind" | "name">;

/**
 * Writes the certificates that come with `newcomer`.
 *
 * @param others All other members
 * @param addresses What people call the gateway beside its name
 * @throws {Failure}
 */
export function writeCertificates(
  folder: string,
  newcomer: Named,
  others: Named[],
  addresses: string[],
): void {
  const gateways = newcomer.kind === "gateway" ? [newcomer] : others.filter(({ kind }) => kind === "gateway");
  const hosts = newcomer.kind === "host" ? [newcomer] : others.filter(({ kind }) => kind === "host");
  const pairs = gateways.flatMap((gateway) => hosts.map(({ name }) => ({ gateway, names: [name] })));
  if (newcomer.kind === "gateway") pairs.push({ gateway: newcomer, names: [newcomer.name, ...addresses] });
  const secret = readOwn(join(folder, "fleet.key"));
  const lines = pairs.flatMap(({ gateway, names }) => {
    const hostKey = hostKeyOf(folder, gateway);
    if (hostKey === null) return [];
    const keyId = `${gateway.name} for ${names[0]}`;
    const blob = signHostCertificate(secret, { hostKey, principals: names, keyId });
    return [`${certificateType} ${blob.toBase64()} ${gateway.name} ${names[0]}\n`];
  });
  writeWhole(join(bundleFolder(folder, newcomer), fileName), 0o644, lines.join(""));
}

/** The SSH host key that was made for a gateway here; `null` when its folder is gone. */
function hostKeyOf(folder: string, gateway: Named): string | null {
  const file = join(bundleFolder(folder, gateway), "ssh_host_ed25519_key.pub");
  if (!exists(file)) return null;
  const [, blob = ""] = readOwn(file).split(" ");
  return rawKeyOf(Uint8Array.fromBase64(blob));
}

/** The line for ssh that takes a gateway's certificates back (known_hosts(5), @revoked). */
export function revokedLine(folder: string, gateway: Named): string | null {
  const hostKey = hostKeyOf(folder, gateway);
  return hostKey && `@revoked * ssh-ed25519 ${publicKeyBlob(hostKey).toBase64()} ${gateway.name}`;
}
