/** The control field of a line: what becomes of each return code of the module (pam.conf(5)). */

/** A number is a jump over as many entries. */
export type Action = "ignore" | "ok" | "done" | "bad" | "die" | "reset" | number;

/** By the number of the return code. */
export type Actions = readonly Action[];

/** Names of return codes in `[name=action]`, by number: Linux-PAM's own spelling. */
const codeTokens = [
  "success",
  "open_err",
  "symbol_err",
  "service_err",
  "system_err",
  "buf_err",
  "perm_denied",
  "auth_err",
  "cred_insufficient",
  "authinfo_unavail",
  "user_unknown",
  "maxtries",
  "new_authtok_reqd",
  "acct_expired",
  "session_err",
  "cred_unavail",
  "cred_expired",
  "cred_err",
  "no_module_data",
  "conv_err",
  "authtok_err",
  "authtok_recover_err",
  "authtok_lock_busy",
  "authtok_disable_aging",
  "try_again",
  "ignore",
  "abort",
  "authtok_expired",
  "module_unknown",
  "bad_item",
  "conv_again",
  "incomplete",
];
const words = ["ignore", "ok", "done", "bad", "die", "reset"] as const;

/** What libpam makes of a control it does not understand. */
export const allBad: Actions = codeTokens.map(() => "bad");

/** The short forms, as pam.conf(5) writes them out. */
const shortForms: Record<string, string> = {
  required: "success=ok new_authtok_reqd=ok ignore=ignore default=bad",
  requisite: "success=ok new_authtok_reqd=ok ignore=ignore default=die",
  sufficient: "success=done new_authtok_reqd=done default=ignore",
  optional: "success=ok new_authtok_reqd=ok default=ignore",
};

/** @param control A short form, or what is between the brackets */
export function actionsOf(control: string): Actions {
  const text = shortForms[control.toLowerCase()] ?? control;
  const actions = new Array<Action | undefined>(codeTokens.length);
  const fill = (action: Action) => {
    for (let code = 0; code < actions.length; code++) actions[code] ??= action;
  };
  for (let rest = text.trim(); rest !== "";) {
    const pair = /^([a-z_]+)\s*=\s*(ignore|ok|done|bad|die|reset|[0-9]+)/.exec(rest);
    const action = actionFrom(pair?.[2]);
    const code = codeTokens.indexOf(pair?.[1] ?? "");
    if (!pair || action === null || (code < 0 && pair[1] !== "default")) return allBad;
    // In libpam's words, a default is for the codes that no pair before it names.
    if (code < 0) fill(action);
    else actions[code] = action;
    rest = rest.slice(pair[0].length).trimStart();
  }
  fill("bad");
  return actions as Action[];
}

function actionFrom(word: string | undefined): Action | null {
  const named = words.find((known) => known === word);
  if (named !== undefined) return named;
  const jump = Number(word);
  return jump > 0 ? jump : null;
}
