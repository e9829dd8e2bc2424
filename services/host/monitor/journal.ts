/** The journal as the monitor needs it: which leases have an entry, and whose process each one is. The worker writes it. */

import { Fields } from "../../../shared/protocol/codec.ts";
import { maxJournalBytes } from "../../../shared/protocol/limits.ts";
import { isLeaseId, isLogin } from "../../../shared/protocol/names.ts";

/** Whose entry it is: a process, told apart from a later one with the same pid. */
export interface Owner {
  pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since boot. */
  startTime: number;
  /** The account it has logged in. */
  login: string;
}

export class Journal {
  readonly #folder: string;

  constructor(runDirectory: string) {
    this.#folder = `${runDirectory}/leases`;
  }

  #path(lease: string): string {
    return `${this.#folder}/${lease}.json`;
  }

  /** Whether PAM of `lease` is, as far as the journal knows, still to be closed. */
  has(lease: string): boolean {
    try {
      Deno.lstatSync(this.#path(lease));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Lease ids with an entry; none when the folder does not exist. */
  leases(): string[] {
    try {
      return [...Deno.readDirSync(this.#folder)]
        .map(({ name }) => name.replace(/\.json$/, ""))
        .filter(isLeaseId)
        .sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** The process that wrote the entry, or `null` when the entry cannot be read. */
  owner(lease: string): Owner | null {
    try {
      const fields = Fields.parse(Deno.readFileSync(this.#path(lease)), maxJournalBytes, "journal");
      return {
        pid: fields.integer("pid", 1, 0x7fff_ffff),
        startTime: fields.integer("startTime", 0, Number.MAX_SAFE_INTEGER),
        login: fields.matching("login", isLogin, "a login"),
      };
    } catch {
      return null;
    }
  }
}
