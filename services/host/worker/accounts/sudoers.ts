/**
 * What an account may do with sudo: one file per account in /etc/sudoers.d, checked by visudo(8) before it counts.
 *
 * File and rules name the uid. A login may be a word with a meaning in sudoers(5), such as ALL, and sudo passes over
 * files with a dot in their name; a uid of ours is never anybody else's.
 */

import { runProgram } from "./program.ts";

const folder = "/etc/sudoers.d";
/** As sudo wants it (sudoers(5)). */
const sudoersMode = 0o440;

function pathOf(uid: number): string {
  return `${folder}/sallyport-${uid}`;
}

/** The file's text: each rule is what follows the user in sudoers(5), such as `ALL=(ALL) NOPASSWD: ALL`. */
export function sudoersText(login: string, uid: number, rules: readonly string[]): string {
  return [`# Made by Sallyport for ${login}.`, ...rules.map((rule) => `#${uid} ${rule}`), ""].join("\n");
}

/** Rules that have passed visudo(8) and do not count yet. Disposing drops them unless they were installed. */
export interface StagedSudoers extends Disposable {
  install(): void;
}

/**
 * @returns `null` without rules
 * @throws {Error} With what visudo(8) said, when it refuses them or is not there
 */
export function stageSudoers(login: string, uid: number, rules: readonly string[]): StagedSudoers | null {
  if (rules.length === 0) return null;
  // sudo passes over a name with a dot, so the file does not count before it is renamed.
  const staged = `${folder}/.sallyport-${uid}.new`;
  const drop = () => remove(staged);
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o755 });
    drop();
    Deno.writeTextFileSync(staged, sudoersText(login, uid, rules), { createNew: true, mode: sudoersMode });
    Deno.chmodSync(staged, sudoersMode);
    runProgram("visudo", ["-c", "-f", staged]);
  } catch (cause) {
    drop();
    throw new Error("Cannot use host.accounts.sudoers", { cause });
  }
  return { install: () => Deno.renameSync(staged, pathOf(uid)), [Symbol.dispose]: drop };
}

/** Takes away what the account may do, if anything. */
export function removeSudoers(uid: number): void {
  remove(pathOf(uid));
}

/** Makes the file what `rules` say, for an account that exists. @throws {Error} As {@link stageSudoers} */
export function alignSudoers(login: string, uid: number, rules: readonly string[]): void {
  if (rules.length === 0) return removeSudoers(uid);
  if (read(pathOf(uid)) === sudoersText(login, uid, rules)) return;
  using staged = stageSudoers(login, uid, rules);
  staged?.install();
}

function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
