/**
 * The zygote: root, a worker that has loaded everything and serves nobody; it forks one whenever the monitor asks.
 *
 * A forked worker shares the zygote's memory until it writes to it, which leaves about a megabyte of its own, and is
 * there in milliseconds. `zygote.ts SETTINGS.json`, with the monitor's socket as descriptor 3; it ends with the monitor.
 */

import { Errno, SystemError } from "../../../ffi/errno.ts";
import { forkProcess } from "../../../ffi/fork.ts";
import { closeOnExecFrom, ignoreSignals, SIGCHLD } from "../../../ffi/process.ts";
import { closeDescriptor, receiveRecord, sendRecord } from "../../../ffi/socket.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import type { ZygoteReply } from "../../../shared/protocol/zygote.ts";
import { describeCause } from "./cause.ts";
import { forkWorker } from "./fork_worker.ts";
import { checkForking } from "./self_check.ts";
import { warmUp } from "./warm_up.ts";

const monitorDescriptor = 3;

function main([settingsFile]: string[]): void {
  if (settingsFile === undefined) throw new TypeError("Cannot start the zygote without a settings file");
  closeOnExecFrom(monitorDescriptor);
  const settings = JSON.parse(Deno.readTextFileSync(settingsFile)) as HostSettings;
  try {
    warmUp(settings);
    checkForking(settings, forkProcess);
    // The kernel reaps the workers; whoever wants to know of one's end watches its pidfd.
    ignoreSignals([SIGCHLD]);
    reply({ type: "ready" });
    serve(settings);
  } catch (error) {
    reply({ type: "failed", cause: describeCause(error) });
  }
}

/** Until the monitor is gone. @throws If a worker cannot be forked */
function serve(settings: HostSettings): void {
  const buffer = new Uint8Array(new ArrayBuffer(256));
  for (;;) {
    const request = receiveRecord(monitorDescriptor, buffer);
    if (request === null || request === "again") return;
    const [socket] = request.descriptors;
    if (socket === undefined) throw new TypeError("Cannot fork a worker without its socket");
    const pid = forkWorker(settings, socket);
    closeDescriptor(socket);
    reply({ type: "forked", pid });
  }
}

/** Ends with the monitor: one that died while this process was getting ready has nobody to say so. */
function reply(message: ZygoteReply): void {
  try {
    sendRecord(monitorDescriptor, encodeJson(message));
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.EPIPE) Deno.exit(0);
    throw error;
  }
}

if (import.meta.main) {
  main(Deno.args);
  Deno.exit(0);
}
