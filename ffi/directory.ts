/** Names in a folder by plain C calls, for /proc: Deno shows it to a process with every permission only. */

import { cString } from "./cstring.ts";
import { lastErrno, SystemError } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // DIR *opendir(const char *name) <dirent.h>
  opendir: { parameters: ["buffer"], result: "pointer" },
  // struct dirent *readdir(DIR *dirp) <dirent.h>
  readdir: { parameters: ["pointer"], result: "pointer" },
  // int closedir(DIR *dirp) <dirent.h>
  closedir: { parameters: ["pointer"], result: "i32" },
});

/** struct dirent <bits/dirent.h> on 64-bit Linux: ino_t @0, off_t @8, unsigned short @16, unsigned char @18, char d_name[] @19. */
const nameOffset = 19;

/** The names in `path`, in the kernel's order, without `.` and `..`. @throws {SystemError} ENOENT, EACCES, ENOTDIR … */
export function namesIn(path: string): string[] {
  const { opendir, readdir, closedir } = libc();
  const directory = opendir(cString(path));
  if (directory === null) throw new SystemError(`opendir of ${path}`, lastErrno());
  const names: string[] = [];
  // readdir(3) says with errno alone whether the end or an error stopped it; a folder of /proc only ends.
  for (let entry = readdir(directory); entry !== null; entry = readdir(directory)) {
    const name = new Deno.UnsafePointerView(entry).getCString(nameOffset);
    if (name !== "." && name !== "..") names.push(name);
  }
  closedir(directory);
  return names;
}
