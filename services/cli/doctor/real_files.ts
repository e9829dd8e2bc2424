/** The machine's own files, as the doctor's questions about them. */

import type { Files } from "./stack_traps.ts";

/** Where distributions put PAM modules: Debian's multiarch folders, RHEL and Alpine, Arch. */
const moduleParents = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];

/** Folders named `security` that exist. */
function moduleFolders(): string[] {
  const multiarch = listFolder("/usr/lib").filter((name) => name.endsWith("-linux-gnu"));
  const parents = [...moduleParents, ...multiarch.flatMap((name) => [`/lib/${name}`, `/usr/lib/${name}`])];
  return parents.map((parent) => `${parent}/security`).filter((folder) => stat(folder)?.isDirectory);
}

function stat(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

function listFolder(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

export function realFiles(): Files {
  return {
    isFile: (path) => stat(path)?.isFile ?? false,
    isExecutable: (path) => {
      const info = stat(path);
      return info !== null && info.isFile && ((info.mode ?? 0) & 0o111) !== 0;
    },
    list: listFolder,
    moduleFolders: moduleFolders(),
  };
}
