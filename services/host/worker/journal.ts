/**
 * The lease's entry in the journal: what a janitor needs to close PAM when the worker could not.
 *
 * One root-only file per lease, replaced atomically; it is in the run directory and so does not outlive a boot.
 */

import { startTimeOf } from "../../../ffi/proc_file.ts";
import { processId } from "../../../ffi/process.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { encodeJson, Fields, ProtocolError } from "../../../shared/protocol/codec.ts";
import { maxJournalBytes, maxPamEnvironmentBytes } from "../../../shared/protocol/limits.ts";
import { isLeaseId, isLogin, isServiceName } from "../../../shared/protocol/names.ts";

/**
 * What a janitor still has to do: before PAM's first call and after pam_close_session it takes the credentials away,
 * from before pam_open_session on it closes the session first. Login records it sees to in any case.
 */
export const journalStates = ["starting", "opening", "opened", "closed", "without-pam"] as const;
export type JournalState = typeof journalStates[number];

/** What names the PAM session again. */
export interface PamItems {
  login: string;
  service: string;
  confdir: string | null;
  tty: string;
  rhost: string;
  /** Client address and port, server address and port, as in SSH_CONNECTION. */
  connection: string;
  /** Applicant and roles for the TELEPORT_ variables. */
  user: string;
  roles: string[];
  /** Variables beside them. */
  environment: [name: string, value: string][];
}

export interface JournalEntry extends PamItems {
  state: JournalState;
  /** The worker, with field 22 of /proc/PID/stat, so that a re-used pid is not mistaken for it. */
  pid: number;
  startTime: number;
}

export function journalPath(settings: Pick<HostSettings, "runDirectory">, lease: string): string {
  if (!isLeaseId(lease)) throw new TypeError(`Cannot use '${lease}' as the name of a journal file`);
  return `${settings.runDirectory}/leases/${lease}.json`;
}

/** Writes the entry of this process for `lease`, replacing an earlier one. */
export function writeJournal(
  settings: HostSettings,
  lease: string,
  state: JournalState,
  items: PamItems,
): void {
  const path = journalPath(settings, lease);
  const pid = processId();
  const startTime = startTimeOf(pid);
  if (startTime === null) throw new Error("Cannot find this process under /proc: mount it");
  const entry: JournalEntry = { state, pid, startTime, ...items };
  Deno.mkdirSync(`${settings.runDirectory}/leases`, { recursive: true, mode: 0o700 });
  Deno.writeFileSync(`${path}.new`, encodeJson(entry), { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}

/** @throws {ProtocolError} If the entry is not one; {@link Deno.errors.NotFound} if there is none. */
export function readJournal(settings: Pick<HostSettings, "runDirectory">, lease: string): JournalEntry {
  const fields = Fields.parse(Deno.readFileSync(journalPath(settings, lease)), maxJournalBytes, "journal");
  return {
    state: fields.oneOf("state", journalStates),
    pid: fields.integer("pid", 1, 0x7fff_ffff),
    startTime: fields.integer("startTime", 0, Number.MAX_SAFE_INTEGER),
    login: fields.matching("login", isLogin, "a login"),
    service: fields.matching("service", isServiceName, "a service name"),
    confdir: fields.isNull("confdir") ? null : fields.string("confdir"),
    tty: fields.string("tty"),
    rhost: fields.string("rhost"),
    connection: fields.string("connection"),
    user: fields.string("user"),
    roles: fields.strings("roles", 256),
    // One written before an upgrade has none.
    environment: fields.isNull("environment")
      ? []
      : fields.list("environment", maxPamEnvironmentBytes, readVariable), // None is shorter than a byte.
  };
}

function readVariable(item: unknown, path: string): [string, string] {
  const [name, value] = Array.isArray(item) ? item : [];
  if (typeof name !== "string" || typeof value !== "string") {
    throw new ProtocolError(`Cannot read ${path}: it must be a variable's name and value`);
  }
  return [name, value];
}

/** Deletes the entry, and what is left of one half written; does nothing when there is none. */
export function deleteJournal(settings: HostSettings, lease: string): void {
  const path = journalPath(settings, lease);
  for (const file of [path, `${path}.new`]) {
    try {
      Deno.removeSync(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
