/**
 * The ledger: which accounts are ours, and every uid that was ever given. One root-only JSON file that outlives a boot.
 *
 * Read and written under the lock of {@link ./bench.ts} only.
 */

import { encodeJson, Fields } from "../../../../shared/protocol/codec.ts";
import { isLogin } from "../../../../shared/protocol/names.ts";

/** An account that stays, or one that goes with its last process. */
export type AccountMode = "keep" | "ephemeral";
export const accountModes = ["keep", "ephemeral"] as const;

/** `making` and `removing` stand there only while it is done, or after whoever did it died. */
export const entryStates = ["making", "made", "removing", "removed"] as const;

export interface LedgerEntry {
  uid: number;
  mode: AccountMode;
  state: typeof entryStates[number];
  home: string;
  /** The home folder is of our making, and goes with an ephemeral account. */
  ownsHome: boolean;
  /** Groups we put the account into, beside its own and the marker. */
  groups: string[];
  /** Milliseconds since the epoch. */
  madeAt: number;
  removedAt: number | null;
}

/** Below are the system's accounts; none of ours may be there, whatever the file says. */
export const lowestUid = 1_000;
/** 2^32 - 1 means "no id" to the kernel. */
export const highestUid = 0xffff_fffe;
/** About 300,000 accounts. */
const maxLedgerBytes = 64 * 1024 * 1024;
const version = 1;

export class Ledger {
  /** Gids of the marker groups when they were first used. */
  readonly markers = new Map<AccountMode, number>();
  /** By login; an account that is gone keeps its entry, and with it its uid. */
  readonly accounts = new Map<string, LedgerEntry>();
  /** Uids given once to a login that has another one now. */
  readonly retired = new Map<number, string>();

  /** @throws {ProtocolError} If it is damaged in any way */
  static decode(bytes: Uint8Array): Ledger {
    const fields = Fields.parse(bytes, maxLedgerBytes, "ledger");
    fields.integer("version", version, version);
    const ledger = new Ledger();
    const markers = fields.object("markers");
    for (const mode of accountModes) {
      if (!markers.isNull(mode)) ledger.markers.set(mode, markers.integer(mode, 1, highestUid));
    }
    const accounts = fields.object("accounts");
    for (const login of Object.keys(fields.record("accounts"))) {
      if (!isLogin(login)) throw new TypeError(`Cannot read ledger.accounts: '${login}' is not a login`);
      ledger.accounts.set(login, decodeEntry(accounts.object(login)));
    }
    const retired = fields.object("retired");
    for (const uid of Object.keys(fields.record("retired"))) {
      ledger.retired.set(Number(uid), retired.matching(uid, isLogin, "a login"));
    }
    ledger.#requireDistinctUids();
    return ledger;
  }

  #requireDistinctUids(): void {
    const uids = [...this.accounts.values()].map(({ uid }) => uid).concat([...this.retired.keys()]);
    if (new Set(uids).size !== uids.length) throw new TypeError("Cannot read ledger: a uid is there twice");
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeJson({
      version,
      markers: Object.fromEntries(this.markers),
      accounts: Object.fromEntries(this.accounts),
      retired: Object.fromEntries(this.retired),
    });
  }

  /** Every uid ever given. */
  *givenUids(): Iterable<number> {
    for (const { uid } of this.accounts.values()) yield uid;
    yield* this.retired.keys();
  }
}

function decodeEntry(fields: Fields): LedgerEntry {
  return {
    uid: fields.integer("uid", lowestUid, highestUid),
    mode: fields.oneOf("mode", accountModes),
    state: fields.oneOf("state", entryStates),
    home: fields.matching("home", (path) => path.startsWith("/"), "an absolute path"),
    ownsHome: fields.boolean("ownsHome"),
    groups: fields.strings("groups", 1_024),
    madeAt: fields.integer("madeAt", 0, Number.MAX_SAFE_INTEGER),
    removedAt: fields.isNull("removedAt") ? null : fields.integer("removedAt", 0, Number.MAX_SAFE_INTEGER),
  };
}

/** The ledger in `file`; `null` when there is no such file. @throws {Error} If it cannot be read or is damaged */
export function readLedger(file: string): Ledger | null {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  try {
    return Ledger.decode(bytes);
  } catch (cause) {
    throw new Error(
      `The ledger of accounts ${file} is damaged; restore it, or move it away to have it rebuilt`,
      {
        cause,
      },
    );
  }
}

/** Replaces the file atomically; when this returns it is on the disk. */
export function writeLedger(file: string, ledger: Ledger): void {
  const folder = file.slice(0, file.lastIndexOf("/")) || "/";
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = `${file}.new`;
  {
    using written = Deno.openSync(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
    const bytes = ledger.encode();
    for (let at = 0; at < bytes.length;) at += written.writeSync(bytes.subarray(at));
    written.syncSync();
  }
  Deno.renameSync(temporary, file);
  // The new name itself is on the disk only then.
  using opened = Deno.openSync(folder);
  opened.syncSync();
}
