/** Whether anything still runs as an account. */

import { namesIn } from "../../../../ffi/directory.ts";
import { SystemError } from "../../../../ffi/errno.ts";
import { readProcFile } from "../../../../ffi/proc_file.ts";

/** Processes that have `uid` as their real, effective, saved or file system uid (proc_pid_status(5)). */
export function processesOf(uid: number): number[] {
  return namesIn("/proc").map(Number).filter((pid) => pid > 0 && uidsOf(pid).includes(uid));
}

function uidsOf(pid: number): number[] {
  try {
    const uids = /^Uid:\s+([\d\t]+)$/m.exec(readProcFile(`/proc/${pid}/status`))?.[1] ?? "";
    return uids.trim().split("\t").map(Number);
  } catch (error) {
    if (error instanceof SystemError) return []; // It has ended.
    throw error;
  }
}
