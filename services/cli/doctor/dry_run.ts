/** `sallyport doctor --login NAME`: what each PAM module would say to this login, and how it would end. */

import { killProcess, waitChild } from "../../../ffi/process.ts";
import { closeDescriptor, receiveRecord, sendRecord } from "../../../ffi/socket.ts";
import { loadConfig } from "../../../shared/config/load.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { Config } from "../../../shared/config/schema.ts";
import { toHostSettings } from "../../../shared/config/settings.ts";
import { loadTeleportPam } from "../../../shared/config/teleport.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { maxRecordBytes } from "../../../shared/protocol/limits.ts";
import { isLogin, signalNumbers } from "../../../shared/protocol/names.ts";
import { describeEnd, startRole, startWithSocket } from "../../host/monitor/start.ts";
import type { DryRunRecord, DryRunRequest } from "../../host/worker/dry_run/local.ts";
import { writeSettings } from "../become.ts";
import { ExitCode, Failure, mustBeRoot } from "../failure.ts";
import { type Options, textOption } from "../verb.ts";
import { likelyApplicant } from "./applicant.ts";

/**
 * Tries a login on this machine, in a worker of its own, and prints what happens.
 *
 * @param file The configuration, if there is one
 * @returns `no` when the login would be refused
 * @throws {Failure}
 */
// deno-lint-ignore require-await -- every verb returns a promise
export async function dryRunLogin(options: Options, file: string | null): Promise<ExitCode> {
  mustBeRoot("try a login");
  const login = textOption(options, "login") ?? "";
  if (!isLogin(login)) throw new Failure(`"${login}" cannot be a login`, ExitCode.usage);
  if (file === null) {
    throw new Failure(
      "There is no configuration to take the PAM service from: give --config",
      ExitCode.usage,
    );
  }
  const source = loadConfig(file);
  const teleport = textOption(options, "teleport");
  const pam = teleport === undefined ? undefined : loadTeleportPam(teleport);
  const settings = toHostSettings(source, pam);
  const open = request(source.config, settings, login, textOption(options, "from") ?? "");
  return runInWorker(settings, { open, withSession: options.session === true });
}

/** As a gateway would ask for it after a key has proven who is there; nothing of it is signed or sent. */
function request(config: Config, { name }: HostSettings, login: string, address: string): LeaseOpen {
  return {
    type: "lease.open.v1",
    lease: crypto.getRandomValues(new Uint8Array(16)).toHex(),
    ...{ gateway: "doctor", gatewayBoot: "", host: name, boot: "", expiresAt: 0, key: "", suites: [] },
    login,
    ...likelyApplicant(config, login),
    pamAuth: "host-decides",
    client: { address, port: 0, serverAddress: address, serverPort: 0 },
  };
}

function runInWorker(settings: HostSettings, request: DryRunRequest): ExitCode {
  const { lease } = request.open;
  const settingsFile = writeSettings({
    folder: settings.runDirectory,
    name: `doctor-${lease}.json`,
    value: { ...settings, logLevel: "warning" },
  });
  try {
    const { pid, socket } = startWithSocket("worker", [settingsFile, "--dry-run"]);
    const { isLetIn, running } = followReport(socket, request);
    const end = waitChild(pid);
    // Its helpers, if a module has left any behind.
    killProcess(-pid, signalNumbers.KILL);
    if (isLetIn !== null) return isLetIn ? ExitCode.ok : ExitCode.no;
    const how = end ? describeEnd(end) : "nothing known";
    console.log(`\nThe worker ended (${how})${running ? ` while it ran ${running}` : ""}.`);
    console.log(`${request.open.login} would be refused.`);
    waitChild(startRole("worker", [settingsFile, "--janitor", lease]));
    return ExitCode.no;
  } finally {
    Deno.removeSync(settingsFile);
  }
}

/** Prints the report while it comes. @returns What it ends with, `null` when the worker broke off */
function followReport(
  socket: number,
  request: DryRunRequest,
): { isLetIn: boolean | null; running: string | null } {
  const buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  let running: string | null = null;
  try {
    sendRecord(socket, encodeJson(request));
    for (;;) {
      const received = receiveRecord(socket, buffer);
      if (received === null || received === "again") return { isLetIn: null, running };
      const text = new TextDecoder().decode(buffer.subarray(0, received.length));
      const record = JSON.parse(text) as DryRunRecord;
      if ("isLetIn" in record) return { isLetIn: record.isLetIn, running };
      if ("running" in record) running = record.running;
      else {
        running = null;
        console.log(record.line);
      }
    }
  } finally {
    closeDescriptor(socket);
  }
}
