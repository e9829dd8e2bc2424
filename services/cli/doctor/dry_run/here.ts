/** A dry run on this machine, in a worker of its own; nothing of it crosses a bus. */

import { killProcess, waitChild } from "../../../../ffi/process.ts";
import { closeDescriptor, receiveRecord, sendRecord } from "../../../../ffi/socket.ts";
import type { HostSettings } from "../../../../shared/config/host_settings.ts";
import type { ConfigFile } from "../../../../shared/config/load.ts";
import { toHostSettings } from "../../../../shared/config/settings.ts";
import type { PamKeys } from "../../../../shared/config/teleport.ts";
import { decodeHostMessage } from "../../../../shared/protocol/channel.ts";
import { encodeJson } from "../../../../shared/protocol/codec.ts";
import type { LeaseOpen } from "../../../../shared/protocol/lease.ts";
import { maxRecordBytes } from "../../../../shared/protocol/limits.ts";
import { signalNumbers } from "../../../../shared/protocol/names.ts";
import { describeEnd, startRole, startWithSocket } from "../../../host/monitor/start.ts";
import { writeSettings } from "../../become.ts";
import type { ExitCode } from "../../failure.ts";
import { likelyApplicant } from "./applicant.ts";
import type { Trial } from "./mod.ts";
import { Printer } from "./printer.ts";

/** @param pam In place of the configuration's own */
// deno-lint-ignore require-await -- as the other way, over the bus
export async function tryHere(
  source: ConfigFile,
  trial: Trial,
  pam: PamKeys | undefined,
): Promise<ExitCode> {
  const settings = { ...toHostSettings(source, pam), logLevel: "warning" } as const;
  const open = request(source, trial, settings.name);
  const { lease } = open;
  const folder = settings.runDirectory;
  const settingsFile = writeSettings({ folder, name: `doctor-${lease}.json`, value: settings });
  try {
    return tryInWorker(open, settings, settingsFile);
  } finally {
    Deno.removeSync(settingsFile);
  }
}

function tryInWorker(open: LeaseOpen, settings: HostSettings, settingsFile: string): ExitCode {
  const printer = new Printer();
  const { pid, socket } = startWithSocket("worker", [settingsFile, "--dry-run"]);
  follow(socket, open, printer);
  const end = waitChild(pid);
  // What modules have left behind in it.
  killProcess(-pid, signalNumbers.KILL);
  if (printer.isLetIn === null) {
    printer.brokenOff(`The worker has ended (${end ? describeEnd(end) : "nobody knows how"})`);
    waitChild(startRole("worker", [settingsFile, "--janitor", open.lease]));
  }
  if (settings.accounts.mode === "ephemeral") waitChild(startRole("worker", [settingsFile, "--accounts"]));
  return printer.exitCode;
}

/** As a gateway would ask for it after a key has proven who is there; but it is neither signed nor sent. */
function request({ config }: ConfigFile, { login, address, withSession }: Trial, host: string): LeaseOpen {
  return {
    type: "lease.open.v1",
    lease: crypto.getRandomValues(new Uint8Array(16)).toHex(),
    ...{ gateway: "doctor", gatewayBoot: "", host, boot: "", expiresAt: 0, key: "", suites: [] },
    login,
    ...likelyApplicant(config, login),
    pamAuth: "host-decides",
    purpose: withSession ? "dry-run-session" : "dry-run",
    client: { address, port: 0, serverAddress: address, serverPort: 0 },
  };
}

/** Sends the request and prints what comes back, until the worker leaves. */
function follow(socket: number, open: LeaseOpen, printer: Printer): void {
  const buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  try {
    sendRecord(socket, encodeJson(open));
    for (;;) {
      const received = receiveRecord(socket, buffer);
      if (received === null || received === "again") return;
      const found = decodeHostMessage(buffer.subarray(0, received.length));
      if (found.type === "lease.report" || found.type === "lease.tried") printer.found(found);
    }
  } finally {
    closeDescriptor(socket);
  }
}
