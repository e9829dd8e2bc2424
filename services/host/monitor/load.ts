/** How busy the machine is. */

import { readProcFile } from "../../../ffi/proc_file.ts";

/** Load average of the last minute over the number of processors, in hundredths (proc(5), /proc/loadavg). */
export function currentLoad(): number {
  const average = Number.parseFloat(readProcFile("/proc/loadavg"));
  return Math.round(100 * average / navigator.hardwareConcurrency) || 0;
}
