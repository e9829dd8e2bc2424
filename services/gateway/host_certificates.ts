/** Certificates by which this gateway may answer for hosts: those it was given, and those that hosts bring over the bus. */

import type { CertificateLine } from "../../shared/config/certificates.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { certificatesForGateway, hostOfCertificateSubject } from "../../shared/protocol/subjects.ts";
import { openHostCertificate } from "../../shared/trust/host_certificate.ts";

/** More hosts than a fleet has; each certificate takes about 400 bytes. */
const maxHosts = 100_000;

export class HostCertificates {
  readonly #fleetKey: string;
  /** Raw, base64; `null` for a gateway without an Ed25519 host key. */
  readonly #hostKey: string | null;
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(fleetKey: string, hostKey: string | null) {
    this.#fleetKey = fleetKey;
    this.#hostKey = hostKey;
  }

  /** Takes those this gateway was given. Others' are left out. */
  addAll(lines: readonly CertificateLine[]): void {
    for (const { host, base64 } of lines) this.#add(host, Uint8Array.fromBase64(base64));
  }

  /** Hears what hosts bring. */
  listen(bus: Bus, gateway: string): void {
    bus.subscribe(certificatesForGateway(gateway), ({ subject, data }) => {
      const host = hostOfCertificateSubject(subject);
      if (host !== null) this.#add(host, data.slice());
    });
  }

  /** For `name`, if this gateway may answer for it. */
  for(name: string): Uint8Array<ArrayBuffer> | null {
    return this.#blobs.get(name) ?? null;
  }

  #add(name: string, blob: Uint8Array): void {
    const certificate = openHostCertificate(blob, this.#fleetKey);
    if (!certificate || certificate.publicKey !== this.#hostKey || certificate.principals[0] !== name) return;
    if (this.#blobs.size < maxHosts) this.#blobs.set(name, certificate.blob);
  }
}
