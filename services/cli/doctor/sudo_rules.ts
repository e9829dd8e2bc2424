/** Whether sudo would understand the rules for accounts of our own making, before the first login needs them. */

import { findProgram, runProgram } from "../../host/worker/accounts/program.ts";
import { sudoersText } from "../../host/worker/accounts/sudoers.ts";

/** A rule that visudo(8) refuses. */
export interface WrongRule {
  /** Of the list that was given. */
  index: number;
  /** In visudo's words. */
  reason: string;
}

/** Any; none of the text that is checked comes to count. */
const uidToCheckWith = 1_000;

/**
 * Asks visudo(8) about rules beforehand, each for itself; nothing of it is where sudo looks.
 *
 * @returns None either where visudo is not installed
 */
export function wrongRules(rules: readonly string[]): WrongRule[] {
  if (rules.length === 0 || findProgram("visudo") === null) return [];
  const file = Deno.makeTempFileSync({ prefix: "sallyport-sudoers-" });
  try {
    return rules.flatMap((rule, index) => {
      Deno.writeTextFileSync(file, sudoersText("anybody", uidToCheckWith, [rule]));
      try {
        runProgram("visudo", ["-c", "-f", file]);
        return [];
      } catch (cause) {
        const said = cause instanceof Error ? cause.message : String(cause);
        // `FILE:LINE:COLUMN: what is wrong; the line; a mark below it`
        return [{ index, reason: /:\d+:\d+: ([^;]+)/.exec(said)?.[1] ?? said }];
      }
    });
  } finally {
    Deno.removeSync(file);
  }
}
