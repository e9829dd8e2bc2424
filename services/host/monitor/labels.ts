/** What the host says of itself: labels that stand in the configuration, and those that commands find out. */

import { makePipe, OpenFlags, openPath, readInto } from "../../../ffi/descriptor.ts";
import { describeEnd, killProcess } from "../../../ffi/process.ts";
import { closeDescriptor, setNonBlocking } from "../../../ffi/socket.ts";
import { spawn } from "../../../ffi/spawn.ts";
import type { HostSettings, LabelCommand } from "../../../shared/config/host_settings.ts";
import type { Labels } from "../../../shared/protocol/lease.ts";
import { maxLabelValueLength } from "../../../shared/protocol/limits.ts";
import { isLabelValue, signalNumbers } from "../../../shared/protocol/names.ts";
import type { Log } from "./log.ts";
import type { Loop } from "./loop.ts";
import { endedWell, watchChild } from "./start.ts";

/** A command that takes longer has no answer, and may not pile up. */
const deadlineMs = 10_000;
/** Of what a command prints; a label is one short line, in UTF-8. */
const maxOutputBytes = 4 * maxLabelValueLength + 1;
const environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"];

export interface HostLabelsOptions {
  loop: Loop;
  log: Log;
  settings: Pick<HostSettings, "labels" | "labelCommands" | "labelUid">;
  /** Some label is not what it was. */
  onChange: () => void;
}

export class HostLabels {
  readonly #options: HostLabelsOptions;
  readonly #found: Labels = Object.create(null);

  constructor(options: HostLabelsOptions) {
    this.#options = options;
  }

  get all(): Labels {
    return { ...this.#options.settings.labels, ...this.#found };
  }

  /** Runs every command, now and then at its own pace. */
  start(): void {
    for (const [name, command] of Object.entries(this.#options.settings.labelCommands)) {
      this.#keepRunning(name, command);
    }
  }

  #keepRunning(name: string, command: LabelCommand): void {
    this.#run(name, command, (value) => {
      if (value !== (this.#found[name] ?? null)) {
        // A label that is not known lets nobody in: without an answer there is none.
        if (value === null) delete this.#found[name];
        else this.#found[name] = value;
        this.#options.onChange();
      }
      this.#options.loop.after(command.intervalMs, () => this.#keepRunning(name, command));
    });
  }

  /** @param onValue Called once: the first line that was printed, `null` if that is no label or the command failed */
  #run(name: string, { command, intervalMs }: LabelCommand, onValue: (value: string | null) => void): void {
    const { loop, log, settings } = this.#options;
    const warn = (cause: string) => {
      log("warning", "Cannot tell the label {name}: {cause}", { name, cause });
      onValue(null);
    };
    let readEnd: number;
    let pid: number;
    try {
      ({ readEnd, pid } = startCommand(command, settings.labelUid));
    } catch (error) {
      return warn(error instanceof Error ? error.message : String(error));
    }
    const output = new Uint8Array(new ArrayBuffer(maxOutputBytes));
    let length = 0;
    const read = () => {
      while (length < output.length) {
        const count = readInto(readEnd, output.subarray(length));
        if (count === "again") return;
        // A pipe at its end is ready for ever.
        if (count === "end") return stopReading();
        length += count;
      }
      // More than a label: nobody reads the rest, and the command waits for its deadline.
      stopReading();
    };
    const stopReading = loop.watch(readEnd, read);
    const cancel = loop.after(Math.min(deadlineMs, intervalMs), () => killProcess(-pid, signalNumbers.KILL));
    watchChild(loop, pid, (end) => {
      cancel();
      read();
      stopReading();
      closeDescriptor(readEnd);
      if (!endedWell(end)) return warn(`the command ended with ${describeEnd(end)}`);
      const [line = ""] = new TextDecoder().decode(output.subarray(0, length)).split("\n");
      const value = line.trim();
      if (!isLabelValue(value)) return warn("what the command prints is no label");
      onValue(value);
    });
  }
}

/** As a user of its own, in a session of its own, with nothing of ours but the pipe. */
function startCommand(argv: string[], uid: number): { readEnd: number; pid: number } {
  const [readEnd, writeEnd] = makePipe();
  const nothing = openPath("/dev/null", OpenFlags.readWrite);
  try {
    const pid = spawn({
      path: argv[0]!,
      argv,
      environment,
      directory: "/",
      stdio: { descriptors: [nothing, writeEnd, nothing] },
      credentials: { uid, gid: uid, groups: [] },
      newSession: true,
    });
    setNonBlocking(readEnd, true);
    return { readEnd, pid };
  } catch (error) {
    closeDescriptor(readEnd);
    throw error;
  } finally {
    closeDescriptor(writeEnd);
    closeDescriptor(nothing);
  }
}
