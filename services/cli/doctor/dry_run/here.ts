/** A dry run on this machine, in a worker of its own; nothing of it crosses a bus. */

import { type ChildEnd, describeEnd, killProcess, poll, waitChild } from "../../../../ffi/process.ts";
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
import { startRole, startWithSocket } from "../../../host/monitor/start.ts";
import { writeSettings } from "../../become.ts";
import type { ExitCode } from "../../failure.ts";
import { hostWarnings } from "../../host_warnings.ts";
import type { Admission } from "./applicant.ts";
import type { Trial } from "./mod.ts";
import { Printer } from "./printer.ts";

/** How long the doctor is deaf to signals while it waits for its worker, milliseconds. */
const turnMs = 50;

/** @param pam In place of the configuration's own */
export async function tryHere(
  source: ConfigFile,
  trial: Trial & Admission,
  pam: PamKeys | undefined,
): Promise<ExitCode> {
  const settings = { ...toHostSettings(source, pam), logLevel: "warning" } as const;
  // What a dry run would not notice: nobody is asked for a password in it.
  for (const { where, what, remedy } of hostWarnings(source, settings)) {
    console.log(`${where}: ${what}; ${remedy}.`);
  }
  const open = request(trial, settings.name);
  const { lease } = open;
  const folder = settings.runDirectory;
  const settingsFile = writeSettings({ folder, name: `doctor-${lease}.json`, value: settings });
  using _file = { [Symbol.dispose]: () => Deno.removeSync(settingsFile) };
  return await tryInWorker(open, settings, settingsFile);
}

async function tryInWorker(open: LeaseOpen, settings: HostSettings, settingsFile: string): Promise<ExitCode> {
  const printer = new Printer();
  const { pid, socket } = startWithSocket("worker", [settingsFile, "--dry-run"]);
  using _signals = onSignals((signal) => {
    // From its first word on it closes what it opens; before that it has opened nothing.
    if (!printer.hasHeard) killProcess(-pid, signalNumbers.KILL);
    Deno.removeSync(settingsFile);
    Deno.exit(128 + signalNumbers[signal]);
  });
  await follow(socket, open, printer);
  const end = waitChild(pid);
  // What modules have left behind in it.
  killProcess(-pid, signalNumbers.KILL);
  if (printer.isLetIn === null) {
    printer.brokenOff(brokenOff(end, settings));
    waitChild(startRole("worker", [settingsFile, "--janitor", open.lease]));
  }
  if (settings.accounts.mode === "ephemeral") waitChild(startRole("worker", [settingsFile, "--accounts"]));
  return printer.exitCode;
}

function brokenOff(end: ChildEnd | null, { loginGraceMs }: HostSettings): string {
  if (end && "signal" in end && end.signal === signalNumbers.ALRM) {
    return `PAM was not through within host.LoginGraceTime (${loginGraceMs / 1_000} s)`;
  }
  return `The worker has ended (${end ? describeEnd(end) : "nobody knows how"})`;
}

const endingSignals = ["INT", "TERM", "HUP"] as const;

function onSignals(run: (signal: typeof endingSignals[number]) => void): Disposable {
  const listeners = endingSignals.map((signal) => [`SIG${signal}`, () => run(signal)] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]: () =>
      listeners.forEach(([name, listener]) => Deno.removeSignalListener(name, listener)),
  };
}

/** As a gateway would ask for it after a key has proven who is there; but it is neither signed nor sent. */
function request(
  { login, applicant, pamAuth, address, withSession }: Trial & Admission,
  host: string,
): LeaseOpen {
  return {
    type: "lease.open.v1",
    lease: crypto.getRandomValues(new Uint8Array(16)).toHex(),
    ...{ gateway: "doctor", gatewayBoot: "", host, boot: "", expiresAt: 0, key: "", suites: [] },
    login,
    ...applicant,
    pamAuth,
    session: 0,
    purpose: withSession ? "dry-run-session" : "dry-run",
    client: { address, port: 0, serverAddress: address, serverPort: 0 },
  };
}

/** Sends the request and prints what comes back, until the worker leaves. */
async function follow(socket: number, open: LeaseOpen, printer: Printer): Promise<void> {
  const buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  try {
    sendRecord(socket, encodeJson(open));
    for (;;) {
      if (poll([{ fd: socket }], turnMs)[0] === 0) {
        await new Promise((resolve) => setTimeout(resolve)); // Signals are heard here.
        continue;
      }
      const received = receiveRecord(socket, buffer);
      if (received === null || received === "again") return;
      const found = decodeHostMessage(buffer.subarray(0, received.length));
      if (found.type === "lease.report" || found.type === "lease.tried") printer.found(found);
    }
  } finally {
    closeDescriptor(socket);
  }
}
