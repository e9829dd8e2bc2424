/** `ssh -J gateway login@host`: a channel of the outer connection carries an inner one, which ends here as well. */

// @ts-types="@types/ssh2"
import type { Connection, ServerChannel } from "ssh2";
import type { ClientAddress } from "../../shared/protocol/lease.ts";
import { isName } from "../../shared/protocol/names.ts";
import type { HostCertificates } from "./host_certificates.ts";
import { acceptOver, ChannelStream, type SshServerOptions, withCertificate } from "./ssh2/mod.ts";

/** The only port there is: a host has none, and the gateway stands for its sshd. */
const sshPort = 22;

/** The host that a `direct-tcpip` channel (RFC 4254 §7.2) asks for; `null` for anything that is none. */
export function hostOfDestination({ destIP, destPort }: { destIP: string; destPort: number }): string | null {
  return destPort === sshPort && isName(destIP) ? destIP : null;
}

/** Opens inner connections, each with the certificate of the host it stands for. */
export class Jumps {
  readonly #ssh: SshServerOptions;
  readonly #certificates: HostCertificates;

  constructor(ssh: SshServerOptions, certificates: HostCertificates) {
    this.#ssh = ssh;
    this.#certificates = certificates;
  }

  /** Serves SSH on `channel` as `host` would. Without a certificate it shows the gateway's own key. */
  open(channel: ServerChannel, host: string, client: ClientAddress): Connection {
    const certificate = this.#certificates.for(host);
    const { hostKeys } = this.#ssh;
    return acceptOver(new ChannelStream(channel, client), {
      ...this.#ssh,
      hostKeys: certificate ? withCertificate(hostKeys, certificate) : hostKeys,
    });
  }
}
