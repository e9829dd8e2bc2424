/** The monitor's log: one line per record on stderr, without any package. */

import { type Log, openLineLog } from "../../../shared/log_record.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";

export type { Log };

export function openLog(settings: Pick<HostSettings, "logLevel" | "logFormat">): Log {
  return openLineLog("monitor", settings);
}
