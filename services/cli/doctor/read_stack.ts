/** The doctor's look at one service file, everything it includes, and the scripts it runs. */

import { basename, join } from "node:path";
import { systemServiceFolders } from "../../../shared/config/service_file.ts";
import type { Finding } from "./finding.ts";
import { ownershipFindings } from "./ownership.ts";
import { readStack, type Resolve, type Rule } from "../../../shared/pam/read_stack.ts";
import { realFiles } from "./real_files.ts";
import { scriptFindings } from "./script_traps.ts";
import { stackFindings, type StackUse, unansweredAuth } from "./stack_traps.ts";

/** @param file Path of the service file */
export function serviceFileFindings(file: string, use?: StackUse): Finding[] {
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
  const stack = readStack(text, file, included);
  const scripts = [...new Set(stack.rules.flatMap(scriptsOf))];
  return [
    ...ownershipFindings(file),
    ...stackFindings(stack, file, realFiles(), use),
    ...scripts.flatMap(scriptFileFindings),
  ];
}

/** What the start of a host says of its stack; what it cannot read is another's finding. */
export function authFindings(file: string): Finding[] {
  const text = readText(file);
  return text === null ? [] : unansweredAuth(readStack(text, file, included), file);
}

/**
 * Includes as libpam finds them: in the system's folders wherever the file itself is, for a folder given to
 * pam_start_confdir(3) does not hold for them (Linux-PAM 1.5.2).
 */
const included: Resolve = (service) => {
  const paths = service.startsWith("/")
    ? [service]
    : systemServiceFolders.map((folder) => join(folder, service));
  const found = paths.map((file) => ({ file, text: readText(file) })).find(({ text }) => text !== null);
  return found && found.text !== null ? { file: found.file, text: found.text } : null;
};

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
