/** One lease from the monitor's assignment to its end, top to bottom. */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { describeCause } from "./cause.ts";
import { Channels } from "./channels.ts";
import { endChannels } from "./close.ts";
import { within } from "./deadline.ts";
import { DispatcherSocket } from "./dispatcher_socket.ts";
import { serveAttachment } from "./attach.ts";
import { dryRun } from "./dry_run/run.ts";
import type { Login } from "./login.ts";
import { LoginRecords } from "./login_records.ts";
import type { OpenLease } from "./open_channel.ts";
import { openLogin } from "./open_login.ts";
import { prepareProcess, reclaimProcess, restoreLoginLimits } from "./prepare.ts";
import { takeRequest } from "./take_request.ts";
import { serveChannels } from "./wait.ts";

/** Waits for a lease on `descriptor`, serves it, and returns when PAM is closed. */
export function serveLease(settings: HostSettings, descriptor: number): void {
  prepareProcess();
  const socket = new DispatcherSocket(descriptor);
  const assigned = socket.receiveAssign();
  if (!assigned) return;
  const assignedAt = performance.now();
  const hostNow = () => assigned.now + performance.now() - assignedAt;

  const request = takeRequest(assigned, hostNow, settings, socket);
  if (!request) return;
  const { open } = request;
  switch (open.purpose) {
    case "sessions":
      return; // The dispatcher knows them.
    case "attach":
      return serveAttachment({
        ...request,
        settings,
        records: recordsFor(open.client.address, socket),
        socket,
      });
    case "dry-run":
    case "dry-run-session":
      restoreLoginLimits(settings.openFilesSoft);
      return within(settings.loginGraceMs, () => dryRun(open, settings, (found) => socket.reply(found)));
    case "login":
      break;
    default:
      return open.purpose satisfies never;
  }
  const records = recordsFor(open.client.address, socket);
  const login = within(settings.loginGraceMs, () => openLogin({ ...request, settings, records, socket }));
  if (!login) return;
  serveLogin(login, {
    ...{ settings, records, socket },
    ...{ user: open.user, client: open.client, limits: open.grant, openedAt: performance.now() },
  });
}

function recordsFor(address: string, socket: DispatcherSocket): LoginRecords {
  return new LoginRecords(
    address,
    (file, error) =>
      socket.log("warning", "Cannot record a login in {file}: {cause}", {
        file,
        cause: describeCause(error),
      }),
  );
}

/** Serves the channels of somebody who is logged in, and closes PAM. */
function serveLogin(login: Login, parts: Omit<OpenLease, "login" | "channels">): void {
  const { settings, socket } = parts;
  reclaimProcess();
  socket.reply({ type: "lease.accepted", login: login.identity.login });
  const lease = { ...parts, login, channels: new Channels(settings.hangupGraceMs) };
  try {
    serveChannels(lease);
  } catch (error) {
    socket.log("error", "The lease ends: {cause}", { cause: describeCause(error) });
  }
  endChannels(lease);
  within(settings.closeTimeoutMs, () => login[Symbol.dispose]());
  socket.reply({ type: "lease.closed" });
}
