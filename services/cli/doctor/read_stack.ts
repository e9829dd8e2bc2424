/** The doctor's look at one service file, everything it includes, and the scripts it runs. */

import { basename, dirname, join } from "node:path";
import type { Finding } from "./finding.ts";
import { ownershipFindings } from "./ownership.ts";
import { readStack, type Resolve, type Rule } from "../../../shared/pam/read_stack.ts";
import { realFiles } from "./real_files.ts";
import { scriptFindings } from "./script_traps.ts";
import { stackFindings } from "./stack_traps.ts";

/** @param file Path of the service file; includes are looked for beside it, as libpam does */
export function serviceFileFindings(file: string): Finding[] {
  const text = readText(file);
  if (text === null) {
    return [{
      severity: "error",
      where: file,
      what:
        'There is no such service file, or it cannot be read; libpam would silently use the service "other"',
      remedy: "create it (examples/pam.d has working ones), or correct ssh_service.pam.service_name",
    }];
  }
  const resolve: Resolve = (service) => {
    const path = join(dirname(file), basename(service));
    const included = readText(path);
    return included === null ? null : { file: path, text: included };
  };
  const stack = readStack(text, file, resolve);
  const scripts = [...new Set(stack.rules.flatMap(scriptsOf))];
  return [
    ...ownershipFindings(file),
    ...stackFindings(stack, file, realFiles()),
    ...scripts.flatMap(scriptFileFindings),
  ];
}

/** Script files a line runs. */
function scriptsOf({ module, args }: Rule): string[] {
  if (basename(module) === "pam_exec.so") return args.filter((arg) => arg.startsWith("/")).slice(0, 1);
  if (basename(module) !== "pam_script.so") return [];
  const folder = args.find((arg) => arg.startsWith("dir="))?.slice("dir=".length);
  if (folder === undefined) return [];
  return realFiles().list(folder).filter((name) => name.startsWith("pam_script_")).map((name) =>
    join(folder, name)
  );
}

/** Traps in a file; silent about one that is not there, or is a program and not text. */
export function scriptFileFindings(file: string): Finding[] {
  const text = readText(file);
  if (text === null || text.includes("\0")) return [];
  const isInstalled = text.startsWith("#!");
  return [...(isInstalled ? ownershipFindings(file) : []), ...scriptFindings(text, file)];
}

/** Traps in a file, or in every file of a folder. */
export function scriptsFindings(path: string): Finding[] {
  const names = realFiles().list(path);
  if (names.length > 0) return names.flatMap((name) => scriptFileFindings(join(path, name)));
  if (readText(path) !== null) return scriptFileFindings(path);
  return [{ severity: "error", where: path, what: "There is no such script", remedy: "correct the path" }];
}

function readText(file: string): string | null {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return null;
  }
}
