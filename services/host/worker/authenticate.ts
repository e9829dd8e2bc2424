/** Whether PAM has to prove who is there, and having it done. The host has the last word on both. */

import { type Conversation, type PamCalls, PamError } from "../../../ffi/pam.ts";
import type { PamSettings } from "../../../shared/config/host_settings.ts";
import type { LeaseOpen } from "../../../shared/protocol/lease.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import { localAccount } from "./accounts/local_files.ts";
import type { Identity } from "./identity.ts";

type Asked = Pick<LeaseOpen, "login" | "pamAuth">;

/** useradd(8) gives people ids from here on (UID_MIN in login.defs(5)). */
const firstPersonalUid = 1_000;

/**
 * Refuses before anything runs when nobody would have proven anything.
 *
 * @throws {ProblemError} `authentication-unavailable`
 */
export function requireProven({ pamAuth }: Asked, pam: PamSettings): void {
  if (pamAuth === "host-decides" || (pam.enabled && pam.usePamAuth)) return;
  throw new ProblemError("authentication-unavailable", undefined, {
    cause: new Error("The gateway asks for authentication by PAM, which ssh_service.pam does not allow here"),
  });
}

/** Whether the auth stack is asked in this login. */
export function needsPam({ pamAuth }: Asked, { usePamAuth, requirePamAuth }: PamSettings): boolean {
  return usePamAuth && (requirePamAuth || pamAuth !== "host-decides");
}

/**
 * Asks the account stack, and has an expired password changed.
 *
 * @throws {PamError}
 */
export function checkAccount(pam: PamCalls): void {
  try {
    pam.acctMgmt();
  } catch (error) {
    if (!(error instanceof PamError && error.codeName === "PAM_NEW_AUTHTOK_REQD")) throw error;
    pam.changeExpiredAuthTok();
  }
}

/** Accounts of the system are for those who hold a key, unless the configuration names them. */
function isSystemLoginBarred(
  { pamAuth }: Asked,
  { login, uid }: Pick<Identity, "login" | "uid">,
  { systemLogins }: PamSettings,
): boolean {
  return pamAuth === "alone" && uid < firstPersonalUid && !systemLogins.includes(login);
}

function barredText({ login, uid }: Pick<Identity, "login" | "uid">): string {
  return `'${login}' has the uid ${uid}; host.pam_system_logins must name it to admit it by PAM alone`;
}

/**
 * Looks alike whether the password was right or wrong: nobody is to learn root's by trying.
 *
 * @throws {ProblemError} `authentication-failed`
 */
export function requireSystemLoginAllowed(
  asked: Asked,
  identity: Pick<Identity, "login" | "uid">,
  pam: PamSettings,
): void {
  if (!isSystemLoginBarred(asked, identity, pam)) return;
  throw new ProblemError("authentication-failed", undefined, { cause: new Error(barredText(identity)) });
}

/** sshd's own; no password holds these characters. */
const noPassword = "\b\n\r\x7fINCORRECT";

/**
 * The conversation for a login that PAM alone may not admit: it gives wrong answers, as sshd does, so that the refusal
 * comes at its usual time. Only the machine's own accounts are looked up, which no cache of a name service remembers.
 */
export function conversationFor(
  asked: Asked,
  pam: PamSettings,
  { respond, warn }: { respond: Conversation; warn: (text: string) => void },
): Conversation {
  const account = asked.pamAuth === "alone" ? localAccount(asked.login) : null;
  if (!account || !isSystemLoginBarred(asked, account, pam)) return respond;
  warn(barredText(account));
  return (messages) => {
    const answers = respond(messages);
    for (const answer of answers) if (answer instanceof Uint8Array) answer.fill(0);
    return answers.map((answer) => answer === null ? null : noPassword);
  };
}
