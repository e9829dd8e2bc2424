/** Making an account: everything is chosen and checked before useradd(8), and read back after it. */

import { FileLock } from "../../../../ffi/flock.ts";
import { groupByName, groupList, passwdByName } from "../../../../ffi/passwd.ts";
import { poll } from "../../../../ffi/process.ts";
import type { Bench } from "./bench.ts";
import { requireGroups, requireMarker } from "./groups.ts";
import { mayMakeHome } from "./home.ts";
import type { AccountMode, LedgerEntry } from "./ledger.ts";
import { localGroup } from "./local_files.ts";
import { accountComment } from "./ownership.ts";
import { runProgram } from "./program.ts";
import { removeAccount } from "./remove.ts";
import { stageSudoers } from "./sudoers.ts";
import { chooseUid, isFreeFor } from "./uids.ts";

/** What both shadow's own rule and Debian's looser one let pass, and no program takes for a uid. */
const creatable = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
/** A name service may be a little late with what was written a moment ago. */
/** Its private group would have the name, and with it the rights, that a package gives to a group it makes later. */
const powerfulGroups = new Set([
  ...[
    "adm",
    "admin",
    "disk",
    "docker",
    "incus-admin",
    "kvm",
    "libvirt",
    "lxd",
    "podman",
    "shadow",
    "sudo",
    "wheel",
  ],
  ...["sallyport-ephemeral", "sallyport-keep"],
]);
const readBackAttempts = 3;
const readBackDelayMs = 100;

/**
 * Makes `login`, which neither this machine nor its name service knows.
 *
 * @throws {Error} If it cannot be made exactly as the configuration says; nothing is left of it then
 */
export function createAccount(login: string, mode: AccountMode, bench: Bench): void {
  const { settings, ledger, log } = bench;
  if (!creatable.test(login) || powerfulGroups.has(login)) {
    throw new Error(`Cannot make an account named '${login}'`);
  }
  requireShell(settings.shell);
  const earlier = ledger.accounts.get(login);
  const uid = chooseUid(login, ledger, settings.uidRange, (uid) => isFreeFor(login, uid));
  const group = ownGroup(login, uid, earlier);
  const home = `${settings.home}/${login}`;
  const makesHome = mayMakeHome(home, uid);
  using sudoers = stageSudoers(login, uid, settings.sudoers);
  const groups = [requireMarker(mode, bench), ...settings.groups];
  requireGroups(settings.groups, bench);

  // A home of ours that could not be removed the last time is still ours.
  const ownsHome = makesHome || (earlier?.ownsHome === true && earlier.home === home);
  const entry: LedgerEntry = {
    ...{ uid, mode, state: "making", home, ownsHome, groups: settings.groups },
    ...{ madeAt: Date.now(), removedAt: null },
  };
  // Until it is made: the monitor has unfinished business swept when it finds this file.
  FileLock.wait(bench.loginLock(login), "shared")[Symbol.dispose]();
  bench.record(login, entry);
  try {
    runProgram("useradd", [
      ...["--uid", String(uid), ...group, "--groups", groups.join(",")],
      ...[
        "--home-dir",
        home,
        ...(makesHome ? ["--create-home", "--skel", "/etc/skel"] : ["--no-create-home"]),
      ],
      ...["--shell", settings.shell, "--comment", accountComment],
      // Whatever /etc/default/useradd and login.defs(5) say: it does not expire, nor does a password it does not have.
      ...["--inactive", "-1", "--expiredate", "", "-K", "PASS_MAX_DAYS=-1"],
      // The uid is new, so there is no record of an earlier owner to wipe.
      "--no-log-init",
      ...overrides(uid, mode),
      ...["--", login],
    ], { lock: bench.lock });
    verify(login, { uid, home, shell: settings.shell, groups });
    sudoers?.install();
  } catch (cause) {
    undo(login, bench);
    throw cause;
  }
  bench.record(login, { ...entry, state: "made" });
  if (mode === "keep") Deno.removeSync(bench.loginLock(login));
  log("info", "Made the account {login}", { login, uid, mode, home, groups });
}

/** As long as the uid is within the range of this one command, the private group gets the same number. */
function overrides(uid: number, mode: AccountMode): string[] {
  const ranges = ["UID_MIN", "UID_MAX", "GID_MIN", "GID_MAX"].map((name) => `${name}=${uid}`);
  // Login.defs' HOME_MODE goes before it; without one a home is private.
  const home = ["UMASK=077"];
  // Subordinate ids are free again once an account is gone, and what they own is not.
  const subordinate = mode === "ephemeral" ? ["SUB_UID_COUNT=0", "SUB_GID_COUNT=0"] : [];
  return [...ranges, ...home, ...subordinate].flatMap((setting) => ["-K", setting]);
}

function requireShell(shell: string): void {
  const { isFile, mode } = Deno.statSync(shell);
  if (!isFile || ((mode ?? 0) & 0o111) === 0) {
    throw new Error(`Cannot use ${shell} as a shell: it is no program`);
  }
}

/** The account's own group: made with it, or left over from its life before. Somebody else's is never joined. */
function ownGroup(login: string, uid: number, earlier: LedgerEntry | undefined): string[] {
  const group = localGroup(login) ?? groupByName(login);
  if (!group) return ["--user-group"];
  if (earlier?.uid === uid && group.gid === uid) return ["--gid", String(uid)];
  throw new Error(`Cannot make '${login}': there is a group of that name, with gid ${group.gid}`);
}

interface Expected {
  uid: number;
  home: string;
  shell: string;
  groups: string[];
}

/** Reads the account back as everybody else will. @throws {Error} If it is not what was asked for */
function verify(login: string, expected: Expected): void {
  let found = passwdByName(login);
  for (let attempt = 1; !found && attempt < readBackAttempts; attempt++) {
    poll([], readBackDelayMs);
    found = passwdByName(login);
  }
  const { uid, home, shell } = expected;
  const isAsked = found?.uid === uid && found.gid === uid && found.home === home && found.shell === shell;
  if (!found || !isAsked) {
    const seen = found
      ? `uid ${found.uid}, gid ${found.gid}, home ${found.home}, shell ${found.shell}`
      : "nothing";
    throw new Error(`useradd has not made '${login}' as asked: the name service shows ${seen}`);
  }
  const gids = new Set(groupList(login, found.gid));
  const missing = expected.groups.filter((name) => !gids.has(groupByName(name)?.gid ?? -1));
  if (missing.length > 0) throw new Error(`useradd has not put '${login}' into ${missing.join(", ")}`);
}

function undo(login: string, bench: Bench): void {
  try {
    const outcome = removeAccount(login, bench);
    if (outcome !== "removed") throw new Error("It is in use");
  } catch (cause) {
    bench.log("error", "Cannot undo the account {login}; it will be tried again", { login, cause });
  }
}
