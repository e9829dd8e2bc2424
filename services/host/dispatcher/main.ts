/** The dispatcher: unprivileged, one for the host. `main.ts SETTINGS.json`, with the monitor's socket as descriptor 3. */

import { dropPrivileges } from "../../../ffi/privileges.ts";
import { readBusCredentials } from "../../../shared/bus/credentials.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { watchServerVersion } from "../../../shared/bus/server_version.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { getLogger, setUpLogging } from "../../../shared/log.ts";
import { loadFleetTrust } from "../../../shared/trust/files.ts";
import { Dispatcher } from "./dispatcher.ts";

const monitorSocket = 3;

async function main([settingsFile]: string[]): Promise<void> {
  if (settingsFile === undefined) throw new TypeError("Cannot start the dispatcher without a settings file");
  const settings = JSON.parse(Deno.readTextFileSync(settingsFile)) as HostSettings;
  setUpLogging({ service: "dispatcher", level: settings.logLevel, format: settings.logFormat });
  const log = getLogger(["sallyport", "dispatcher"]);
  const trust = loadFleetTrust(settings);
  const credentials = readBusCredentials(settings.bus);
  // Before the first foreign byte; everything only root may read has been read.
  if (Deno.uid() === 0) dropPrivileges({ uid: settings.dispatcherUid, gid: settings.dispatcherGid });

  // A terminal that goes away is `start`'s affair, which hears of it too.
  Deno.addSignalListener("SIGHUP", () => {});
  const dispatcher = new Dispatcher({ settings, trust, monitorSocket });
  const giveUp = new AbortController();
  dispatcher.ended.then(() => giveUp.abort());
  try {
    const bus = await connectBus({
      settings: settings.bus,
      name: settings.name,
      credentials,
      onError: (cause) => log.warning("The bus reports a fault", { cause }),
      waitForFirst: true,
      signal: giveUp.signal,
    });
    watchServerVersion(bus, (message, properties) => log.warn(message, properties));
    dispatcher.serve(bus);
    await dispatcher.ended;
  } catch (error) {
    if (!giveUp.signal.aborted) throw error;
  }
  await dispatcher.close();
}

if (import.meta.main) {
  await main(Deno.args);
  Deno.exit(0);
}
