/** Starting a channel's main process as the account: exact identity, exact environment, only descriptors 0 to 2. */

import { Errno, SystemError } from "../../../ffi/errno.ts";
import type { Limit } from "../../../ffi/limits.ts";
import { spawn, type SpawnOptions } from "../../../ffi/spawn.ts";
import { spawnLimited } from "../../../ffi/spawn_limited.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";

export interface ShellOptions extends Omit<SpawnOptions, "directory" | "newSession"> {
  home: string;
  /** Limits this process itself does not have. */
  limits: Limit[];
}

/** Why posix_spawn could not enter the home directory, in the words of sshd and errno(3). */
const chdirReasons = new Map<number, string>([
  [Errno.ENOENT, "No such file or directory"],
  [Errno.EACCES, "Permission denied"],
  [Errno.ENOTDIR, "Not a directory"],
]);

/**
 * Starts `options.path` in the home directory, or in `/` when that cannot be entered.
 *
 * @param onHomeMissing Takes the sentence sshd would print then
 * @returns pid, also the process group and session
 * @throws {ProblemError} `shell-missing`, `process-limit` or `spawn-failed`
 */
export function startShell(options: ShellOptions, onHomeMissing: (text: string) => void): number {
  requireShell(options.path);
  const { home, ...rest } = options;
  try {
    return start(home, rest);
  } catch (error) {
    const reason = error instanceof SystemError ? chdirReasons.get(error.errno) : undefined;
    if (reason === undefined) throw asSpawnProblem(error);
    // Either the home or the shell's own interpreter: the second attempt tells which.
    const pid = startIn("/", rest);
    onHomeMissing(`Could not chdir to home directory ${home}: ${reason}`);
    return pid;
  }
}

function start(directory: string, { limits, ...rest }: Omit<ShellOptions, "home">): number {
  const options = { ...rest, directory, newSession: true };
  return limits.length > 0 ? spawnLimited(options, limits) : spawn(options);
}

function startIn(directory: string, options: Omit<ShellOptions, "home">): number {
  try {
    return start(directory, options);
  } catch (error) {
    throw asSpawnProblem(error);
  }
}

function requireShell(path: string): void {
  let cause: unknown;
  try {
    const { isFile, mode } = Deno.statSync(path);
    if (isFile && ((mode ?? 0) & 0o111) !== 0) return;
    cause = new Error(`Cannot run ${path}: it is not an executable file`);
  } catch (error) {
    cause = error;
  }
  throw new ProblemError("shell-missing", undefined, { cause });
}

function asSpawnProblem(cause: unknown): ProblemError {
  const errno = cause instanceof SystemError ? cause.errno : 0;
  switch (errno) {
    case Errno.EAGAIN:
      return new ProblemError("process-limit", undefined, { cause });
    case Errno.ENOENT:
    case Errno.EACCES:
      return new ProblemError("shell-missing", undefined, { cause });
    default:
      return new ProblemError("spawn-failed", undefined, { cause });
  }
}
