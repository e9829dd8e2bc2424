/** What is wrong with a PAM stack for Sallyport. Pure: it asks about files only through {@link Files}. */

import { basename, join } from "node:path";
import type { Finding } from "./finding.ts";
import type { Facility, Rule, Stack } from "../../../shared/pam/read_stack.ts";

/** What the traps need to know of a machine. */
export interface Files {
  isFile(path: string): boolean;
  isExecutable(path: string): boolean;
  /** Names in a folder; empty when there is no such folder. */
  list(folder: string): string[];
  /** Folders libpam takes modules without a folder from. */
  moduleFolders: string[];
}

/** What Sallyport does with a stack. */
export interface StackUse {
  /** ssh_service.pam.use_pam_auth */
  asksAuth: boolean;
}

/** The facilities that must have lines of their own. */
function facilitiesRun({ asksAuth }: StackUse): Facility[] {
  return [...(asksAuth ? ["auth"] as const : []), "account", "session"];
}

/** @param file Name for findings about the whole stack */
export function stackFindings(
  stack: Stack,
  file: string,
  files: Files,
  use: StackUse = { asksAuth: false },
): Finding[] {
  const run = facilitiesRun(use);
  return [
    ...stack.bad.map(badLine),
    ...stack.missing.map(missingInclude),
    ...run.flatMap((facility) => emptyChain(stack, facility, file)),
    ...onlyIgnoring(stack),
    ...createdTooLate(stack),
    ...stack.rules.filter((rule) => run.includes(rule.facility) && matters(rule)).flatMap((rule) =>
      ruleFindings(rule, files)
    ),
  ];
}

/** That `use_pam_auth` asks a stack which has nothing to ask. */
export function unansweredAuth(stack: Stack, file: string): Finding[] {
  return emptyChain(stack, "auth", file);
}

function at({ file, line }: { file: string; line: number }): string {
  return `${file}:${line}`;
}

function error(where: string, what: string, remedy: string): Finding {
  return { severity: "error", where, what, remedy };
}

function badLine(bad: { file: string; line: number; text: string }): Finding {
  return error(
    at(bad),
    `libpam does not understand this line, and refuses everybody: ${bad.text}`,
    "write it as: facility control module arguments",
  );
}

function missingInclude(missing: { file: string; line: number; service: string }): Finding {
  return error(
    at(missing),
    `There is no service file "${missing.service}" to include, so PAM refuses everybody`,
    "name a file that exists in /etc/pam.d, which is where libpam looks, or take the line out",
  );
}

function chain(stack: Stack, facility: Facility): Rule[] {
  return stack.rules.filter((rule) => rule.facility === facility);
}

function emptyChain(stack: Stack, facility: Facility, file: string): Finding[] {
  if (chain(stack, facility).length > 0) return [];
  if (facility === "auth") {
    return [error(
      `${file}:1`,
      "There is no auth line, and ssh_service.pam.use_pam_auth has PAM's auth stack asked, so everybody may be locked out",
      "add a line such as: auth required pam_unix.so; or set ssh_service.pam.use_pam_auth to no",
    )];
  }
  return [error(
    `${file}:1`,
    `There is no ${facility} line, so PAM takes those of the service "other", which may refuse everybody`,
    `add a line such as: ${facility} required pam_permit.so`,
  )];
}

/** Modules whose session functions only ever answer PAM_IGNORE. */
function onlyIgnores({ module, args }: Rule): boolean {
  if (basename(module) === "pam_motd.so") return true;
  const type = args.find((arg) => arg.startsWith("type="));
  return basename(module) === "pam_exec.so" && type !== undefined &&
    !["type=open_session", "type=close_session"].includes(type);
}

function onlyIgnoring(stack: Stack): Finding[] {
  const session = chain(stack, "session");
  const last = session.at(-1);
  if (last === undefined || !session.every(onlyIgnores)) return [];
  const names = [...new Set(session.map(({ module }) => basename(module)))].join(" and ");
  return [error(
    at(last),
    `${names} only ever answers "ignore", and a session stack of nothing else ends in "Permission denied" for everybody`,
    "add as its last line: session required pam_permit.so",
  )];
}

function isCreator({ module }: Rule): boolean {
  return ["pam_exec.so", "pam_script.so"].includes(basename(module));
}

function createdTooLate(stack: Stack): Finding[] {
  const account = chain(stack, "account");
  const creator = account.findIndex(isCreator);
  const unix = account.findIndex(({ module }) => basename(module) === "pam_unix.so");
  const rule = account[unix];
  if (creator < 0 || rule === undefined || unix > creator) return [];
  return [error(
    at(rule),
    "pam_unix refuses an account that does not exist yet, and here it comes before the script that creates it",
    "put the line of pam_exec or pam_script above this one",
  )];
}

/** Whether a failure of this line is one of the stack. */
function matters({ control }: Rule): boolean {
  if (control.startsWith("[")) return !/\bdefault=ignore\b/.test(control);
  return control === "required" || control === "requisite";
}

function ruleFindings(rule: Rule, files: Files): Finding[] {
  const name = basename(rule.module);
  if (!moduleExists(rule, files)) {
    if (rule.optionalModule) return [];
    return [error(at(rule), `The module ${rule.module} is not installed`, installHint(name))];
  }
  if (name === "pam_exec.so") return execFindings(rule, files);
  return name === "pam_script.so" ? scriptFindings(rule, files) : [];
}

function moduleExists({ module }: Rule, files: Files): boolean {
  if (module.startsWith("/")) return files.isFile(module);
  return files.moduleFolders.some((folder) => files.isFile(join(folder, module)));
}

function installHint(name: string): string {
  if (name === "pam_script.so") return "install it: apt-get install libpam-script, or dnf install pam_script";
  return "install the package that has it, or take the line out";
}

const execTypes = ["account", "auth", "password", "open_session", "close_session"];

function execFindings(rule: Rule, files: Files): Finding[] {
  const found: Finding[] = [];
  const type = rule.args.find((arg) => arg.startsWith("type="))?.slice("type=".length);
  if (type !== undefined && !execTypes.includes(type)) {
    found.push(error(
      at(rule),
      `pam_exec knows no type "${type}", so the command never runs`,
      `write one of ${execTypes.join(", ")}, or leave type= out`,
    ));
  }
  const command = rule.args.find((arg) => arg.startsWith("/"));
  if (command === undefined) {
    found.push(
      error(at(rule), "pam_exec is given no command with its whole path", "add the path of the script"),
    );
  } else if (!files.isFile(command)) {
    found.push(error(
      at(rule),
      `There is no ${command}, so this line fails for everybody`,
      "install the script there (examples/pam-exec.d has working ones), or correct the path",
    ));
  } else if (!files.isExecutable(command)) {
    found.push(error(at(rule), `${command} is not executable`, `chmod 755 ${command}`));
  }
  return found;
}

/** Debian's compiled-in folder (README.Debian of libpam-script) and the only names the module runs. */
const defaultScriptFolder = "/usr/share/libpam-script";
const scriptNames: Record<Facility, string[]> = {
  auth: ["pam_script_auth"],
  account: ["pam_script_acct"],
  password: ["pam_script_passwd"],
  session: ["pam_script_ses_open"],
};

function scriptFindings(rule: Rule, files: Files): Finding[] {
  const dir = rule.args.find((arg) => arg.startsWith("dir="))?.slice("dir=".length);
  const folder = dir ?? defaultScriptFolder;
  return scriptNames[rule.facility].flatMap((name) => {
    const path = join(folder, name);
    if (files.isExecutable(path)) return [];
    if (files.isFile(path)) return [error(at(rule), `${path} is not executable`, `chmod 755 ${path}`)];
    return [error(
      at(rule),
      `pam_script runs ${path} and nothing else, and there is no such file, so it fails with "Authentication failure"`,
      otherwiseNamed(dir, name, files),
    )];
  });
}

function otherwiseNamed(dir: string | undefined, name: string, files: Files): string {
  const usual = "/etc/pam-script.d";
  const [other] = files.list(dir ?? usual);
  const folder = dir ?? usual;
  if (other === undefined) {
    return `put the script at ${join(folder, name)} and write: pam_script.so dir=${folder}`;
  }
  if (files.list(folder).includes(name)) return `write: pam_script.so dir=${folder}`;
  return `rename ${join(folder, other)} to ${join(folder, name)} and write: pam_script.so dir=${folder}`;
}
