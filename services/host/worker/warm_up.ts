/** What the zygote does once, so that no worker has to: libraries opened, node:crypto set up, code compiled. */

import { hasLibcrypto } from "../../../ffi/libcrypto.ts";
import { libpam } from "../../../ffi/libpam.ts";
import { getGroups } from "../../../ffi/privileges.ts";
import { getLimit, poll, processId } from "../../../ffi/process.ts";
import { kernelRandom } from "../../../ffi/random.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { decodeLeaseAnswer, type LeaseOpen, plainGrant } from "../../../shared/protocol/lease.ts";
import { openEnvelope, signEnvelope } from "../../../shared/trust/envelope.ts";
import { deriveLeaseKeys, ephemeralFrom } from "../../../shared/trust/exchange.ts";
import {
  createFleetKey,
  issueIdentity,
  readIdentity,
  readTrust,
  trustText,
} from "../../../shared/trust/identity.ts";
import { answerOpen, verifyOpen } from "./verify_open.ts";

/**
 * Calls nothing that leaves a trace a worker must not share: no PAM module, no name service, no connection.
 *
 * @throws {LibraryMissing} Without libpam, if the settings ask for PAM
 */
export function warmUp(settings: HostSettings): void {
  if (settings.pam.enabled) libpam();
  hasLibcrypto();
  getGroups();
  getLimit("nofile");
  processId();
  poll([], 0);
  exchangeKeys();
}

/** A whole `lease.open` and its answer between made-up identities. @throws If the two sides' keys differ */
export function exchangeKeys(): void {
  const fleet = createFleetKey();
  const trust = readTrust(trustText(fleet.publicKey));
  const gateway = readIdentity(issueIdentity(fleet.secret, "gateway", "gateway"));
  const host = readIdentity(issueIdentity(fleet.secret, "host", "host"));
  const [lease, boot] = [kernelRandom(16).toHex(), kernelRandom(16).toHex()];
  const ephemeral = ephemeralFrom(kernelRandom(32));
  const now = Date.now();
  const open: LeaseOpen = {
    type: "lease.open.v1",
    lease,
    gateway: "gateway",
    gatewayBoot: boot,
    host: "host",
    boot,
    expiresAt: now + 1_000,
    key: ephemeral.publicKey,
    suites: ["chacha20-poly1305"],
    login: "root",
    user: "root",
    roles: [],
    logins: ["root"],
    deniedLogins: [],
    grant: plainGrant,
    traits: {},
    pamAuth: "host-decides",
    purpose: "login",
    session: 0,
    method: "publickey",
    fingerprint: "",
    client: { address: "127.0.0.1", port: 1, serverAddress: "127.0.0.1", serverPort: 1 },
  };
  const verified = verifyOpen(signEnvelope(gateway, open), trust, { host: "host", boot, lease, now });
  const answer = answerOpen(verified, trust, host, ["chacha20-poly1305"]);
  const { body, credential } = openEnvelope(answer.envelope, trust, "host", "lease.answer.v1");
  if (credential.name !== "host") throw new Error(`Cannot trust an answer by ${credential.name}`);
  const keys = deriveLeaseKeys({
    privateKey: ephemeral.privateKey,
    peerKey: decodeLeaseAnswer(body).key,
    openBody: verified.body,
    answerBody: body,
  });
  if (keys.toHost.toHex() !== answer.receiveKey.toHex()) throw new Error("Cannot agree on a lease's keys");
}
