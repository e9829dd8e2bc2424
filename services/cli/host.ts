/** `sallyport host`: checks the configuration, then becomes the monitor. */

import { readBusCredentials } from "../../shared/bus/credentials.ts";
import { resolve } from "node:path";
import type { HostSettings, LoginRules } from "../../shared/config/host_settings.ts";
import { type ConfigFile, loadConfig } from "../../shared/config/load.ts";
import { toHostSettings } from "../../shared/config/settings.ts";
import { loadTeleportPam } from "../../shared/config/teleport.ts";
import { getLogger, setUpLogging } from "../../shared/log.ts";
import { requireAccountPrograms } from "./account_programs.ts";
import { blockSignals } from "../../ffi/signal_fd.ts";
import { loginRulesFile } from "../host/worker/login_rules.ts";
import { signalNumbers, stopSignals } from "../../shared/protocol/names.ts";
import { loadMembership } from "../../shared/trust/files.ts";
import { become, writeSettings } from "./become.ts";
import { ExitCode, mustBeRoot } from "./failure.ts";
import { hostWarnings } from "./host_warnings.ts";
import { hasParent, type Options, textOption } from "./verb.ts";

// deno-lint-ignore require-await -- every verb returns a promise
export async function run(options: Options): Promise<ExitCode> {
  mustBeRoot("run the host service");
  const file = textOption(options, "config") ?? "";
  const teleport = textOption(options, "teleport");
  const pam = teleport === undefined ? undefined : loadTeleportPam(teleport);
  const source = loadConfig(file);
  const settings = toHostSettings(source, pam);
  mustBeReadable(settings);
  requireAccountPrograms(settings.accounts);
  writeRules(settings);
  if (options.reload === true) return ExitCode.ok;
  warn(source, settings);
  const reload = ["host", "--reload", "--config", resolve(file)];
  if (teleport !== undefined) reload.push("--teleport", resolve(teleport));
  // The monitor, which runs no event loop, takes them from a descriptor; until then they wait.
  blockSignals([...stopSignals, signalNumbers.HUP]);
  return become(
    { permissions: "monitor", entry: "services/host/monitor/main.ts", withParent: hasParent(options) },
    {
      folder: settings.runDirectory,
      name: "host.json",
      value: { ...settings, reload } satisfies HostSettings,
    },
  );
}

/** For workers, which read them at every login. */
function writeRules({ runDirectory, allowLogins, denyLogins }: HostSettings): void {
  const value: LoginRules = { allowLogins, denyLogins };
  writeSettings({ folder: runDirectory, name: loginRulesFile, value });
}

function warn(source: ConfigFile, settings: HostSettings): void {
  setUpLogging({ service: "host", level: settings.logLevel, format: settings.logFormat });
  const log = getLogger(["sallyport", "host"]);
  for (const { where, what, remedy } of hostWarnings(source, settings)) {
    log.warn("{where}: {what}; {remedy}", { where, what, remedy });
  }
}

/** Monitor, dispatcher and workers read these files; here somebody is still told in one sentence. */
function mustBeReadable(settings: HostSettings): void {
  loadMembership(settings, { kind: "host", name: settings.name });
  readBusCredentials(settings.bus);
}
