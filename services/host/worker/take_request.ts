/** The first message of a lease: read, verified and answered. */

import { hasLibcrypto } from "../../../ffi/libcrypto.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { type LeaseOpen, suitesWith } from "../../../shared/protocol/lease.ts";
import type { Assign, WorkerRequest } from "../../../shared/protocol/worker.ts";
import { loadFleetTrust, loadIdentity } from "../../../shared/trust/files.ts";
import { ResponseCipher } from "../../../shared/trust/responses.ts";
import { asProblem, describeCause } from "./cause.ts";
import type { DispatcherSocket } from "./dispatcher_socket.ts";
import { updateTrust } from "./update_trust.ts";
import { answerOpen, verifyOpen } from "./verify_open.ts";
import { nextState } from "./vocabulary.ts";

/** What was asked for, and what opens the person's answers. */
export interface TakenRequest {
  open: LeaseOpen;
  responses: ResponseCipher;
}

/**
 * Reads `lease.open` and answers it.
 *
 * @param hostNow The host's clock, in milliseconds
 * @returns `null` when it was denied, when nobody asks any more, and when it was no lease but news for root's trust
 */
export function takeRequest(
  assigned: Assign,
  hostNow: () => number,
  settings: HostSettings,
  socket: DispatcherSocket,
): TakenRequest | null {
  try {
    const request = socket.receive();
    if (request?.type === "trust.update") {
      const serial = updateTrust(settings, request.list, assigned.lease);
      if (serial !== null) socket.log("info", "List {serial} of revoked members is kept", { serial });
      return null;
    }
    if (!request || !isOpen(request)) return null;
    // Read for every lease, so that a revocation holds from the next login on.
    const trust = loadFleetTrust(settings);
    const identity = loadIdentity(settings.identityFile, { kind: "host", name: settings.name });
    const { lease, boot } = assigned;
    const verified = verifyOpen(request.envelope, trust, {
      host: settings.name,
      boot,
      lease,
      now: hostNow(),
    });
    const { responsesKey, ...answer } = answerOpen(verified, trust, identity, suitesWith(hasLibcrypto()));
    const { login, gateway } = verified.open;
    socket.reply({ type: "lease.answer", ...answer, login, gateway });
    return { open: verified.open, responses: new ResponseCipher(responsesKey) };
  } catch (error) {
    socket.reply({ type: "lease.denied", problem: asProblem(error).problem, cause: describeCause(error) });
    return null;
  }
}

function isOpen(request: WorkerRequest): request is WorkerRequest & { type: "lease.open" } {
  return nextState("assigned", request.type) === "opening";
}
