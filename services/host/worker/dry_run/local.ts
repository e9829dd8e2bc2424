/** A dry run asked for on this machine, by the doctor: a request and a report over one socket of records. */

import { receiveRecord, sendRecord } from "../../../../ffi/socket.ts";
import type { HostSettings } from "../../../../shared/config/host_settings.ts";
import { encodeJson } from "../../../../shared/protocol/codec.ts";
import type { DryRunMessage } from "../../../../shared/protocol/channel.ts";
import type { LeaseOpen } from "../../../../shared/protocol/lease.ts";
import { maxRecordBytes } from "../../../../shared/protocol/limits.ts";
import { within } from "../deadline.ts";
import { prepareProcess, restoreLoginLimits } from "../prepare.ts";
import { dryRun } from "./run.ts";

/** Serves the one request that comes on `descriptor`. */
export function serveDryRun(settings: HostSettings, descriptor: number): void {
  prepareProcess();
  const buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  const received = receiveRecord(descriptor, buffer);
  if (received === null || received === "again") return;
  const text = new TextDecoder().decode(buffer.subarray(0, received.length));
  // The doctor is root as we are: what it asks for is taken as it is.
  const open = JSON.parse(text) as LeaseOpen;
  const tell = (found: DryRunMessage) => {
    try {
      sendRecord(descriptor, encodeJson(found));
    } catch {
      // The doctor has left; what is open still has to be closed.
    }
  };
  restoreLoginLimits(settings.openFilesSoft);
  within(settings.loginGraceMs, () => dryRun(open, settings, tell));
}
