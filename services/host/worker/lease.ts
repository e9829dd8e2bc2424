/** One lease from the monitor's assignment to its end, top to bottom. */

import { hasLibcrypto } from "../../../ffi/libcrypto.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { type LeaseOpen, suitesWith } from "../../../shared/protocol/lease.ts";
import type { Assign, WorkerRequest } from "../../../shared/protocol/worker.ts";
import type { Problem } from "../../../shared/protocol/problems.ts";
import { loadIdentity, loadTrust } from "../../../shared/trust/files.ts";
import { ResponseCipher } from "../../../shared/trust/responses.ts";
import { asProblem, causes, describeCause } from "./cause.ts";
import { Channels } from "./channels.ts";
import { endChannels } from "./close.ts";
import { within } from "./deadline.ts";
import { DispatcherSocket } from "./dispatcher_socket.ts";
import { dryRun } from "./dry_run/run.ts";
import { type Login, logIn } from "./login.ts";
import { LoginRecords } from "./login_records.ts";
import { askPerson, LoginCancelled } from "./questions.ts";
import { prepareProcess, reclaimProcess, restoreLoginLimits } from "./prepare.ts";
import { answerOpen, verifyOpen } from "./verify_open.ts";
import { nextState } from "./vocabulary.ts";
import { serveChannels } from "./wait.ts";

/** Waits for a lease on `descriptor`, serves it, and returns when PAM is closed. */
export function serveLease(settings: HostSettings, descriptor: number): void {
  prepareProcess();
  const socket = new DispatcherSocket(descriptor);
  const assigned = socket.receiveAssign();
  if (!assigned) return;
  const assignedAt = performance.now();
  const hostNow = () => assigned.now + performance.now() - assignedAt;

  const verified = verify(assigned, hostNow, settings, socket);
  if (!verified) return;
  const { open, responses } = verified;

  if (open.purpose !== "login") {
    restoreLoginLimits(settings.openFilesSoft);
    return within(settings.loginGraceMs, () => dryRun(open, settings, (found) => socket.reply(found)));
  }
  const records = new LoginRecords(
    open.client.address,
    (file, error) =>
      socket.log("warning", "Cannot record a login in {file}: {cause}", {
        file,
        cause: describeCause(error),
      }),
  );
  const asked = { open, responses, settings, records, socket };
  const login = within(settings.loginGraceMs, () => openLogin(asked));
  if (!login) return;
  reclaimProcess();
  socket.reply({ type: "lease.accepted", login: login.identity.login });

  const channels = new Channels(settings.hangupGraceMs);
  const lease = { settings, client: open.client, login, channels, records, socket };
  try {
    serveChannels(lease);
  } catch (error) {
    socket.log("error", "The lease ends: {cause}", { cause: describeCause(error) });
  }
  endChannels(lease);
  within(settings.closeTimeoutMs, () => login[Symbol.dispose]());
  socket.reply({ type: "lease.closed" });
}

/** What was asked for, and what opens the person's answers. */
interface Verified {
  open: LeaseOpen;
  responses: ResponseCipher;
}

/** Reads `lease.open` and answers it; null when it was denied, or when nobody asks any more. */
function verify(
  assigned: Assign,
  hostNow: () => number,
  settings: HostSettings,
  socket: DispatcherSocket,
): Verified | null {
  try {
    const request = socket.receive();
    if (!request || !isOpen(request)) return null;
    // Read for every lease, so that a revocation holds from the next login on.
    const trust = loadTrust(settings.trustFile);
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

interface AskedLogin extends Verified {
  settings: HostSettings;
  records: LoginRecords;
  socket: DispatcherSocket;
}

/** Runs PAM; null when the login was refused. */
function openLogin({ open, responses, settings, records, socket }: AskedLogin): Login | null {
  let isOpening = true;
  try {
    restoreLoginLimits(settings.openFilesSoft);
    return logIn(open, settings, {
      notify: (text) => {
        if (isOpening) socket.reply({ type: "lease.notice", text });
      },
      ask: (prompt) => {
        if (!isOpening) throw new Error("Cannot ask after the login");
        return askPerson(socket, responses, prompt);
      },
      log: (level, message, properties) => socket.log(level, message, properties),
      onCloseFailure: (step, error) =>
        socket.log("warning", "Cannot complete {step}: {cause}", { step, cause: describeCause(error) }),
    });
  } catch (error) {
    const { problem, detail } = asProblem(error);
    if (isRefusalOfPerson(problem, error)) records.refuse(open.login);
    socket.reply({ type: "lease.refused", problem, text: detail ?? "", cause: describeCause(error) });
    return null;
  } finally {
    isOpening = false;
  }
}

/** Problems that are a verdict about somebody, and not about the host. */
const verdicts: Problem[] = [
  "authentication-failed",
  "authentication-unavailable",
  "password-expired",
  "access-denied",
  "account-missing",
  "account-refused",
  "session-refused",
];

/** Whoever has left was not refused. */
function isRefusalOfPerson(problem: Problem, error: unknown): boolean {
  return verdicts.includes(problem) && !causes(error).some((cause) => cause instanceof LoginCancelled);
}
