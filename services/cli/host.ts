/** `sallyport host`: checks the configuration, then becomes the monitor. */

import { readBusCredentials } from "../../shared/bus/credentials.ts";
import type { HostSettings } from "../../shared/config/host_settings.ts";
import { loadConfig } from "../../shared/config/load.ts";
import { toHostSettings } from "../../shared/config/settings.ts";
import { loadTeleportPam } from "../../shared/config/teleport.ts";
import { requireAccountPrograms } from "./account_programs.ts";
import { loadMembership } from "../../shared/trust/files.ts";
import { become } from "./become.ts";
import { type ExitCode, mustBeRoot } from "./failure.ts";
import { monitorSignals } from "../host/monitor/signals.ts";
import { hasParent, type Options, textOption } from "./verb.ts";

// deno-lint-ignore require-await -- every verb returns a promise
export async function run(options: Options): Promise<ExitCode> {
  mustBeRoot("run the host service");
  const file = textOption(options, "config") ?? "";
  const teleport = textOption(options, "teleport");
  const pam = teleport === undefined ? undefined : loadTeleportPam(teleport);
  const settings = toHostSettings(loadConfig(file), pam);
  mustBeReadable(settings);
  requireAccountPrograms(settings.accounts);
  return become(
    {
      permissions: "monitor",
      entry: "services/host/monitor/main.ts",
      withParent: hasParent(options),
      waitsFor: monitorSignals,
    },
    { folder: settings.runDirectory, name: "host.json", value: settings },
  );
}

/** Monitor, dispatcher and workers read these files; here somebody is still told in one sentence. */
function mustBeReadable(settings: HostSettings): void {
  loadMembership(settings, { kind: "host", name: settings.name });
  readBusCredentials(settings.bus);
}
