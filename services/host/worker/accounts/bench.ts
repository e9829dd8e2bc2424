/** Where accounts are worked on: one process at a time per host, with the ledger open. */

import { FileLock } from "../../../../ffi/flock.ts";
import type { AccountSettings, HostSettings } from "../../../../shared/config/host_settings.ts";
import type { LogLevel } from "../../../../shared/protocol/worker.ts";
import { type Ledger, type LedgerEntry, readLedger, writeLedger } from "./ledger.ts";
import { rebuildLedger } from "./rebuild.ts";

export type Log = (level: LogLevel, message: string, properties?: Record<string, unknown>) => void;

/** Held for as long as accounts or the ledger are looked at and changed. */
export class Bench implements Disposable {
  readonly runDirectory: string;
  readonly settings: AccountSettings;
  readonly lock: FileLock;
  readonly log: Log;
  #ledger: Ledger | null = null;

  /** Waits for its turn; the process is killed when its lease's time is over. */
  constructor({ runDirectory, accounts }: Pick<HostSettings, "runDirectory" | "accounts">, log: Log) {
    this.runDirectory = runDirectory;
    this.settings = accounts;
    this.log = log;
    Deno.mkdirSync(`${runDirectory}/accounts`, { recursive: true, mode: 0o700 });
    this.lock = FileLock.wait(`${runDirectory}/accounts.lock`, "exclusive");
  }

  /** @throws {Error} If it cannot be read or is damaged */
  get ledger(): Ledger {
    if (!this.#ledger) {
      this.#ledger = readLedger(this.settings.ledgerFile) ?? rebuildLedger(this.settings, this.log);
    }
    return this.#ledger;
  }

  /** Puts down `entry` for `login`; it is on the disk then. */
  record(login: string, entry: LedgerEntry): void {
    this.ledger.accounts.set(login, entry);
    this.save();
  }

  save(): void {
    writeLedger(this.settings.ledgerFile, this.ledger);
  }

  /**
   * Held shared by every login of an ephemeral account, and there while an account is made. The monitor has accounts
   * swept when it finds such a file that nobody holds.
   */
  loginLock(login: string): string {
    return `${this.runDirectory}/accounts/${login}.lock`;
  }

  /** Logins that have such a file. */
  lockedLogins(): string[] {
    return [...Deno.readDirSync(`${this.runDirectory}/accounts`)].map(({ name }) =>
      name.replace(/\.lock$/, "")
    );
  }

  [Symbol.dispose](): void {
    this.lock[Symbol.dispose]();
  }
}
