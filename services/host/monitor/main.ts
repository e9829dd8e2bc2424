/** The monitor: root, small, no package, no bus, no network. `main.ts SETTINGS.json [--with-parent]` */

import { closeOnExecFrom } from "../../../ffi/process.ts";
import { openSignals } from "../../../ffi/signal_fd.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { signalNumbers, stopSignals } from "../../../shared/protocol/names.ts";
import { withParent } from "../../../shared/parent.ts";
import { loadIdentity } from "../../../shared/trust/files.ts";
import { openLog } from "./log.ts";
import { Monitor } from "./monitor.ts";

const standardInput = 0;

function main([settingsFile, flag]: string[]): void {
  if (settingsFile === undefined) throw new TypeError("Cannot start the monitor without a settings file");
  closeOnExecFrom(3);
  const settings = JSON.parse(Deno.readTextFileSync(settingsFile)) as HostSettings;
  const identity = loadIdentity(settings.identityFile, { kind: "host", name: settings.name });
  const monitor = new Monitor({ settings, settingsFile, identity, log: openLog(settings) });
  monitor.listen(openSignals([...stopSignals, signalNumbers.HUP]));
  if (flag === withParent) monitor.endWith(standardInput);
  monitor.run();
}

if (import.meta.main) main(Deno.args);
