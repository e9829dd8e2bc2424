/** The list of revoked members as the monitor knows it: from root's files alone, never from the bus. */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { givenRevocationsFile, loadFleetTrust, readRevocations } from "../../../shared/trust/files.ts";
import { keepRevocations } from "../../../shared/trust/keep_revocations.ts";
import type { Revocations } from "../../../shared/trust/revocations.ts";
import type { Log } from "./log.ts";

export class RevocationFiles {
  readonly #settings: HostSettings;
  readonly #log: Log;
  #latest: Revocations | null = null;
  #seen = "";

  constructor(settings: HostSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Number of the newest list; 0 without one. */
  get serial(): number {
    return this.#latest?.serial ?? 0;
  }

  /** Looks whether a file has changed: a worker has kept a list, or an administrator has brought one. @returns A newer list */
  look(): Revocations | null {
    const files = [givenRevocationsFile(this.#settings), this.#settings.revocationsFile];
    const state = files.map(fileState).join(" ");
    if (state === this.#seen) return null;
    this.#seen = state;
    try {
      return this.#read();
    } catch (cause) {
      this.#log("error", "Cannot read the list of revoked members; the last one stays in force", { cause });
      return null;
    }
  }

  #read(): Revocations | null {
    const { latest, fleetKey } = loadFleetTrust(this.#settings);
    if (latest === null || latest.serial <= this.serial) return null;
    this.#latest = latest;
    const { revocationsFile } = this.#settings;
    // One that was brought may be taken away again.
    const kept = readRevocations(revocationsFile, fleetKey)?.serial ?? 0;
    if (kept < latest.serial) keepRevocations(revocationsFile, latest, "monitor");
    return latest;
  }
}

/** Differs whenever the file is replaced or written to. */
function fileState(file: string): string {
  try {
    const { ino, size, mtime } = Deno.statSync(file);
    return `${ino}-${size}-${mtime?.getTime()}`;
  } catch {
    return "none";
  }
}
