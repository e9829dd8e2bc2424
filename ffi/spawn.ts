/** Starting a program as an account, with posix_spawn(3): no code of ours runs between fork and exec. */

import { cString } from "./cstring.ts";
import { planDescriptors } from "./descriptor_plan.ts";
import { SystemError, unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";
import { type Credentials, withEffectiveIds, withRealIds } from "./privileges.ts";
import { closeOnExecFrom } from "./process.ts";
import { cStringVector } from "./vector.ts";

const libc = library(C_LIBRARY, {
  // int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions, const posix_spawnattr_t *attrp, char *const argv[], char *const envp[]) <spawn.h>
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  // int posix_spawnattr_init(posix_spawnattr_t *attr) <spawn.h>
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_destroy(posix_spawnattr_t *attr) <spawn.h>
  posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_setflags(posix_spawnattr_t *attr, short flags) <spawn.h>
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  // int posix_spawnattr_setsigdefault(posix_spawnattr_t *attr, const sigset_t *sigdefault) <spawn.h>
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  // int posix_spawnattr_setsigmask(posix_spawnattr_t *attr, const sigset_t *sigmask) <spawn.h>
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  // int posix_spawn_file_actions_init(posix_spawn_file_actions_t *file_actions) <spawn.h>
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *file_actions) <spawn.h>
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  // int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *file_actions, int fd, const char *path, int oflag, mode_t mode) <spawn.h>
  posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "u32"], result: "i32" },
  // int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *file_actions, int fd, int newfd) <spawn.h>
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  // int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *file_actions, int fd) <spawn.h>
  posix_spawn_file_actions_addclose: { parameters: ["buffer", "i32"], result: "i32" },
  // int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *file_actions, const char *path) <spawn.h>; glibc 2.29
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
  // int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *file_actions, int from) <spawn.h>; glibc 2.34
  posix_spawn_file_actions_addclosefrom_np: { parameters: ["buffer", "i32"], result: "i32", optional: true },
  // int chdir(const char *path) <unistd.h>
  chdir: { parameters: ["buffer"], result: "i32" },
  // int sigemptyset(sigset_t *set) <signal.h>
  sigemptyset: { parameters: ["buffer"], result: "i32" },
});

/** What to start and as whom. */
export interface SpawnOptions {
  /** Absolute path of the program. */
  path: string;
  /** All arguments, the first one being the name the program is to see, such as `-bash`. */
  argv: (string | Uint8Array)[];
  /** The whole environment, `NAME=value` each; nothing is inherited. */
  environment: (string | Uint8Array)[];
  /** Working directory, entered with the account's ids; this process's own if left out. */
  directory?: string;
  /**
   * Either a terminal, opened with the account's ids as fds 0, 1 and 2 (its controlling terminal with `newSession`), or
   * descriptors: `descriptors[i]` becomes fd i. All others are closed.
   */
  stdio: { tty: string } | { descriptors: number[] };
  /** The account; the child is what this process is if left out. */
  credentials?: Credentials;
  /** Makes the child the leader of a session of its own. */
  newSession: boolean;
}

/** POSIX_SPAWN_* <spawn.h> */
const SpawnFlag = { resetIds: 0x01, setSigDefault: 0x04, setSigMask: 0x08, setSession: 0x80 } as const;
/** sizeof(posix_spawnattr_t), sizeof(posix_spawn_file_actions_t), sizeof(sigset_t) on 64-bit glibc and musl. */
const Size = { attributes: 336, fileActions: 80, signalSet: 128 } as const;
/** O_RDWR <asm-generic/fcntl.h> */
const O_RDWR = 2;
/** Standard input, output and error. */
const STANDARD_DESCRIPTORS = 3;

/**
 * Starts a program: no signal blocked or ignored, no descriptors but the given ones, real = effective = saved ids.
 *
 * The process aborts if it cannot have its own ids back afterwards.
 *
 * @returns The child's pid; wait for it with `waitChild`
 * @throws {SystemError} With the errno of what failed in the child: EACCES or ENOENT for the directory or the program
 *   (try again with the directory `/` to learn which), EAGAIN for the account's limit of processes
 * @throws {TypeError} If a string contains NUL
 */
export function spawn(options: SpawnOptions): number {
  const { credentials } = options;
  const path = cString(options.path);
  const argv = cStringVector(options.argv);
  const environment = cStringVector(options.environment);
  const attributes = zeroed(Size.attributes);
  const fileActions = zeroed(Size.fileActions);
  const pid = new Int32Array(1);
  check("posix_spawnattr_init", libc().posix_spawnattr_init(attributes));
  check("posix_spawn_file_actions_init", libc().posix_spawn_file_actions_init(fileActions));
  try {
    setAttributes(attributes, options);
    addFileActions(fileActions, options);
    const start = () => libc().posix_spawn(pid, path, fileActions, attributes, argv, environment);
    const startAsAccount = () => credentials ? withRealIds(credentials, start) : start();
    check("posix_spawn", inDirectory(options, startAsAccount));
    return pid[0] ?? 0;
  } finally {
    libc().posix_spawn_file_actions_destroy(fileActions);
    libc().posix_spawnattr_destroy(attributes);
  }
}

function setAttributes(attributes: Uint8Array<ArrayBuffer>, options: SpawnOptions): void {
  const flags = SpawnFlag.setSigDefault | SpawnFlag.setSigMask |
    (options.credentials ? SpawnFlag.resetIds : 0) | (options.newSession ? SpawnFlag.setSession : 0);
  const signals = zeroed(Size.signalSet);
  check("posix_spawnattr_setflags", libc().posix_spawnattr_setflags(attributes, flags));
  // Not sigfillset: it leaves out 32 and 33, which glibc keeps for itself and would then leave ignored in the child.
  signals.fill(0xff);
  check("posix_spawnattr_setsigdefault", libc().posix_spawnattr_setsigdefault(attributes, signals));
  libc().sigemptyset(signals);
  check("posix_spawnattr_setsigmask", libc().posix_spawnattr_setsigmask(attributes, signals));
}

function addFileActions(actions: Uint8Array<ArrayBuffer>, { stdio, directory }: SpawnOptions): void {
  const duplicate = (from: number, to: number) =>
    check("adddup2", libc().posix_spawn_file_actions_adddup2(actions, from, to));
  let count = STANDARD_DESCRIPTORS;
  let spare: number[] = [];
  if ("tty" in stdio) {
    // Without O_NOCTTY: the leader of a new session gets its controlling terminal by opening it.
    check("addopen", libc().posix_spawn_file_actions_addopen(actions, 0, cString(stdio.tty), O_RDWR, 0));
    duplicate(0, 1);
    duplicate(0, 2);
  } else {
    count = stdio.descriptors.length;
    const plan = planDescriptors(stdio.descriptors);
    for (const { from, to } of plan.steps) duplicate(from, to);
    spare = plan.spare;
  }
  closeRest(actions, count, spare);
  const { posix_spawn_file_actions_addchdir_np: addChdir } = libc();
  if (directory !== undefined && addChdir) check("addchdir", addChdir(actions, cString(directory)));
}

/** Where the C library cannot have the child change its directory (glibc before 2.29), this process does it for a moment. */
function inDirectory<T>({ directory, credentials }: SpawnOptions, action: () => T): T {
  if (directory === undefined || libc().posix_spawn_file_actions_addchdir_np) return action();
  const own = cString(Deno.cwd());
  const enter = () => unwrap("chdir", libc().chdir(cString(directory)));
  if (credentials) withEffectiveIds(credentials, enter);
  else enter();
  try {
    return action();
  } finally {
    unwrap("chdir", libc().chdir(own));
  }
}

/**
 * Closes all descriptors of the child from `first` up. A C library without closefrom (glibc before 2.34) leaves that to
 * close-on-exec, which dup2 in the child takes off the wanted ones.
 */
function closeRest(actions: Uint8Array<ArrayBuffer>, first: number, spare: readonly number[]): void {
  const { posix_spawn_file_actions_addclosefrom_np: addCloseFrom } = libc();
  if (addCloseFrom) return check("addclosefrom", addCloseFrom(actions, first));
  closeOnExecFrom(0);
  for (const fd of spare) check("addclose", libc().posix_spawn_file_actions_addclose(actions, fd));
}

function zeroed(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes));
}

/** The posix_spawn family returns errno instead of setting it. */
function check(call: string, errno: number): void {
  if (errno !== 0) throw new SystemError(call, errno);
}
