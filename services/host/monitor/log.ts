/** The monitor's log: one line per record on stderr, without any package. */

import { chooseFormat, formatRecord } from "../../../shared/log_record.ts";
import { type LogLevel, logLevels } from "../../../shared/protocol/worker.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";

export type Log = (level: LogLevel, message: string, properties?: Record<string, unknown>) => void;

export function openLog({ logLevel, logFormat }: Pick<HostSettings, "logLevel" | "logFormat">): Log {
  const format = chooseFormat(logFormat);
  const encoder = new TextEncoder();
  return (level, message, properties = {}) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(logLevel)) return;
    const line = formatRecord({ at: new Date(), level, service: "monitor", message, properties }, format);
    try {
      Deno.stderr.writeSync(encoder.encode(`${line}\n`));
    } catch {
      // Nobody reads the log any more; the sessions go on.
    }
  };
}
