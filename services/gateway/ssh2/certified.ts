/**
 * Host certificates (PROTOCOL.certkeys): the key a client sees is the certificate, and the signature is the plain key's.
 *
 * Stock names the signature after the negotiated algorithm (lib/protocol/kex.js, KEXDH_REPLY); of a certificate it must be
 * `ssh-ed25519`.
 */

import { Buffer } from "node:buffer";
import { certificateType } from "../../../shared/trust/host_certificate.ts";
import type { HostKeys } from "./host_keys.ts";
import type { SshClient } from "./internals.ts";

const plainType = "ssh-ed25519";

/** The same host keys, with a certificate for the Ed25519 one offered before them. */
export function withCertificate(hostKeys: HostKeys, certificate: Uint8Array): HostKeys {
  const plain = hostKeys.byAlgorithm[plainType];
  if (!plain) return hostKeys;
  const certified = {
    type: plainType,
    getPublicSSH: () => Buffer.from(certificate),
    getPrivatePEM: () => plain.getPrivatePEM(),
    sign: plain.sign.bind(plain),
  };
  return { byAlgorithm: { [certificateType]: certified, ...hostKeys.byAlgorithm }, keys: hostKeys.keys };
}

/** Gives the signature its name. */
export function repairCertified({ _protocol: protocol }: SshClient): void {
  const certified = protocol._hostKeys[certificateType];
  if (!certified) return;
  protocol._hostKeys[certificateType] = {
    type: certified.type,
    getPublicSSH: () => certified.getPublicSSH(),
    getPrivatePEM: () => certified.getPrivatePEM(),
    sign: (data, hashAlgorithm) => {
      if (protocol._kex) protocol._kex.negotiated.serverHostKey = plainType;
      return certified.sign(data, hashAlgorithm);
    },
  };
}
