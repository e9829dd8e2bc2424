/**
 * How libpam goes through a stack and what it makes of the modules' answers: `_pam_dispatch_aux` of Linux-PAM's
 * pam_dispatch.c, with each call of a module left to the caller. Tests hold it against the real one.
 */

import type { Action } from "./control.ts";
import type { Entry, Rule } from "./read_stack.ts";

/** PAM_SUCCESS, PAM_PERM_DENIED, PAM_IGNORE, PAM_INCOMPLETE <security/_pam_types.h> */
const code = { success: 0, permDenied: 6, ignore: 25, incomplete: 31 } as const;

/** What a list that decides nothing answers. */
const mustFail = code.permDenied;

export interface Dispatch {
  /** The entries of one facility. */
  entries: readonly Entry[];
  /** Runs one module and gives its return code. */
  call(rule: Rule): number;
  /** Hears of every entry that was reached, modules and broken lines, with what becomes of its answer. */
  onAnswer?(entry: Exclude<Entry, { kind: "substack" }>, code: number, action: Action): void;
  /**
   * For pam_setcred and pam_close_session: the answers of the call before it (pam_open_session for pam_close_session),
   * which choose the way again. Those of a setcred without authentication are empty.
   */
  frozen?: ReadonlyMap<Entry, number>;
  /** Whether a module that is jumped from counts as well, as under some versions of libpam in these two calls. */
  jumpsCount?: boolean;
}

type Impression = "none" | "positive" | "negative";
interface State {
  impression: Impression;
  status: number;
}

/** @returns The code of the whole call */
export function dispatch({ entries, call, onAnswer, frozen, jumpsCount = false }: Dispatch): number {
  if (entries.length === 0) return mustFail;
  let state: State = { impression: "none", status: mustFail };
  /** The state before each level of substacks, which `reset` goes back to. */
  const before: State[] = [state];
  let lastLevel = 0;
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    const { level } = entry;
    if (lastLevel < level) before[level] = state;
    lastLevel = level;
    if (entry.kind === "substack") continue;

    const answer = entry.kind === "broken" ? mustFail : call(entry);
    if (answer === code.incomplete) return answer;
    const chosenBy = frozen?.get(entry) ?? answer;
    const action = entry.actions[chosenBy] ?? "bad";
    onAnswer?.(entry, answer, action);

    const isCounted = answer !== code.ignore || chosenBy === answer;
    const accepted = isCounted && isOpenToGood(state) ? positive(answer) : state;
    switch (action) {
      case "ignore":
        break;
      case "reset":
        state = before[level] ?? state;
        break;
      case "ok":
      case "done":
        state = accepted;
        if (action === "done" && state.impression === "positive") at = lastOf(entries, at, level);
        break;
      case "bad":
      case "die":
        if (state.impression !== "negative") {
          state = { impression: "negative", status: answer === code.ignore ? mustFail : answer };
        }
        if (action === "die") at = lastOf(entries, at, level);
        break;
      default: {
        if (jumpsCount) state = accepted;
        const target = jump(entries, at, level, action);
        at = target.at;
        if (!target.isComplete) state = { impression: "negative", status: mustFail };
      }
    }
  }
  const isUndecided = state.status === code.success && state.impression !== "positive";
  return isUndecided ? mustFail : state.status;
}

function isOpenToGood({ impression, status }: State): boolean {
  return impression === "none" || (impression === "positive" && status === code.success);
}

function positive(status: number): State {
  return { impression: "positive", status };
}

/** `done` and `die` end the substack they are in, and whatever is in it. */
function lastOf(entries: readonly Entry[], from: number, level: number): number {
  let at = from;
  while (levelOf(entries, at + 1) >= level) at++;
  return at;
}

/** A substack counts as one entry; a jump does not leave the one it is in. */
function jump(
  entries: readonly Entry[],
  from: number,
  level: number,
  count: number,
): { at: number; isComplete: boolean } {
  let at = from;
  let left = count;
  for (; left > 0 && levelOf(entries, at + 1) >= level; left--) {
    do at++; while (levelOf(entries, at + 1) > level);
  }
  return { at, isComplete: left === 0 };
}

/** Past the end there is no entry, at no level. */
function levelOf(entries: readonly Entry[], index: number): number {
  return entries[index]?.level ?? -1;
}
