/** `sallyport start`: broker, gateway and host on this machine, with everything they need made on first use. */

import { join, resolve } from "node:path";
import type { ListenAddress } from "../../shared/config/gateway_settings.ts";
import { loadConfig } from "../../shared/config/load.ts";
import { toBrokerConfig, toGatewaySettings, toHostSettings } from "../../shared/config/settings.ts";
import { loadTeleportPam } from "../../shared/config/teleport.ts";
import { getLogger, setUpLogging } from "../../shared/log.ts";
import type { LogFormat } from "../../shared/log_record.ts";
import { withParent } from "../../shared/parent.ts";
import type { LogLevel } from "../../shared/protocol/worker.ts";
import { loadTrust } from "../../shared/trust/files.ts";
import { machineFindings } from "./doctor/machine.ts";
import { ExitCode, Failure, mustBeRoot, sentenceOf } from "./failure.ts";
import { listenOption } from "./listen_option.ts";
import { denoArguments, keptEnvironment, type PermissionSet } from "./role_command.ts";
import { addressText } from "./start/first_config.ts";
import { auditorName } from "./start/names.ts";
import { isFree } from "./start/port.ts";
import { dialled, untilGreeted, untilHostIsHeard } from "./start/ready.ts";
import { openState, type State } from "./start/state.ts";
import { type Role, Supervisor } from "./start/supervisor.ts";
import { type Options, textOption } from "./verb.ts";

/** None has anything that takes long; workers close PAM by themselves, and are waited for. */
const stopTimeoutMs = { gateway: 4_000, host: 10_000, broker: 3_000 } as const;

const closingPollMs = 50;

const defaultListen: ListenAddress = { hostname: "127.0.0.1", port: 2222 };

export async function run(options: Options): Promise<ExitCode> {
  mustBeRoot("start");
  mustHaveWhatItNeeds();
  const given = listenOption(options);
  const state = openState(resolve(textOption(options, "state") ?? ""), given ?? defaultListen);
  const configFile = resolve(textOption(options, "config") ?? state.configFile);
  const plan = planOf(state, { configFile, listen: given, teleport: textOption(options, "teleport") });
  setUpLogging({ service: "start", level: plan.logLevel, format: plan.logFormat });

  const supervisor = new Supervisor({
    stages: plan.stages,
    // People are told first, then their sessions are closed.
    stopOrder: ["gateway", "host", "broker"],
    environment: keptEnvironment(),
    log: getLogger(["sallyport", "start"]),
  });
  let isRunning = false;
  const stopped = stopSignal({
    onReload: () => {
      // A gateway that does not listen to it yet would end.
      if (isRunning) { for (const role of ["gateway", "host"]) supervisor.signal(role, "SIGHUP"); }
    },
  });
  try {
    const started = supervisor.start();
    if (await Promise.race([started.then(() => true), stopped.then(() => false)])) {
      isRunning = true;
      console.log(plan.invitation);
      await stopped;
    }
  } finally {
    await supervisor.stop();
    await untilPamIsClosed(plan.leasesFolder, plan.closingMs);
  }
  return ExitCode.ok;
}

/** What the command line says. */
interface Given {
  configFile: string;
  listen: ListenAddress | undefined;
  teleport: string | undefined;
}

interface Plan {
  stages: Role[][];
  /** The line to paste. */
  invitation: string;
  /** Where workers keep a file until PAM is closed. */
  leasesFolder: string;
  /** How long that may take them. */
  closingMs: number;
  logLevel: LogLevel;
  logFormat: LogFormat | "auto";
}

/** Reads the configuration and checks what would fail anyway, so that its sentence comes first. */
function planOf(state: State, { configFile, listen: given, teleport }: Given): Plan {
  const file = loadConfig(configFile);
  const gateway = toGatewaySettings(file);
  const host = toHostSettings(file, teleport === undefined ? undefined : loadTeleportPam(teleport));
  // Without that section the servers of `bus` are somebody else's.
  const broker = file.config.broker ? toBrokerConfig(file) : null;
  const listen = given ? [given] : gateway.listen;
  for (const address of listen) mustBeFree(address, "give --listen with another port");
  if (broker) mustBeFree(broker, `give broker.listen and bus.servers another port in ${configFile}`);

  const verb = (name: string, permissions: PermissionSet, more: string[] = []) =>
    denoArguments(permissions, "services/main.ts", [name, "--config", configFile, withParent, ...more]);
  const first = listen[0] ?? defaultListen;
  const bus = { ...host.bus, nkeySeedFile: join(state.folder, `auditor.nkey`) };
  const trust = loadTrust(host.trustFile);
  return {
    stages: [
      ...(broker
        ? [[{
          name: "broker",
          args: verb("broker", "launcher"),
          ready: (signal: AbortSignal) => untilGreeted(broker, "INFO ", signal),
          stopTimeoutMs: stopTimeoutMs.broker,
        }]]
        : []),
      [{
        name: "gateway",
        args: verb("gateway", "gateway", given ? ["--listen", addressText(given)] : []),
        ready: (signal) => untilGreeted(first, "SSH-2.0-", signal),
        stopTimeoutMs: stopTimeoutMs.gateway,
      }],
      // After the gateway, which then hears the host's first heartbeat and not only the next.
      [{
        name: "host",
        args: verb("host", "launcher", teleport === undefined ? [] : ["--teleport", resolve(teleport)]),
        ready: (signal) => untilHostIsHeard({ bus, auditor: auditorName, host: host.name, trust }, signal),
        stopTimeoutMs: stopTimeoutMs.host,
      }],
    ],
    invitation: invitation(state, dialled(first)),
    leasesFolder: join(host.runDirectory, "leases"),
    closingMs: host.hangupGraceMs + host.closeTimeoutMs,
    logLevel: gateway.logLevel,
    logFormat: gateway.logFormat,
  };
}

function invitation(state: State, { hostname, port }: ListenAddress): string {
  return `ssh -i ${state.clientKeyFile} -p ${port} newcomer@${hostname}`;
}

/** Where this process is the first of a container, nothing outlives it: PAM must be closed by then. */
async function untilPamIsClosed(leasesFolder: string, limitMs: number): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (hasEntries(leasesFolder) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, closingPollMs));
  }
}

function hasEntries(folder: string): boolean {
  try {
    // A worker killed while it wrote an entry has left one that is none, under another name.
    return [...Deno.readDirSync(folder)].some(({ name }) => name.endsWith(".json"));
  } catch {
    return false; // No lease was ever opened.
  }
}

function mustHaveWhatItNeeds(): void {
  const missing = machineFindings().filter(({ severity }) => severity === "error");
  if (missing.length === 0) return;
  throw new Failure(missing.map(({ what, remedy }) => `${what}: ${remedy}`).join("\n"));
}

function mustBeFree(address: ListenAddress, remedy: string): void {
  const text = addressText({ hostname: address.hostname, port: address.port });
  try {
    if (isFree({ hostname: address.hostname, port: address.port })) return;
  } catch (cause) {
    throw new Failure(`Cannot listen on ${text}: ${sentenceOf(cause)}`);
  }
  throw new Failure(`Cannot listen on ${text}: another program does; stop it, or ${remedy}`);
}

/** Resolves at SIGTERM, SIGINT, or when the terminal goes away; any other SIGHUP asks for users and roles to be read again. */
function stopSignal({ onReload }: { onReload: () => void }): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, resolve);
  const hadTerminal = Deno.stdin.isTerminal();
  Deno.addSignalListener("SIGHUP", () => {
    // A terminal that hung up answers no more, tcgetattr(3) included.
    if (hadTerminal && !Deno.stdin.isTerminal()) resolve();
    else onReload();
  });
  return promise;
}
