/** The PAM calls of one lease that worker and janitor share, so that what is closed is what was opened. */

import { type Conversation, type PamCalls, Transaction } from "../../../ffi/pam.ts";
import type { PamItems } from "./journal.ts";

/** Starts a transaction that has its items and variables. */
export type StartPam = (items: PamItems, conversation: Conversation) => PamCalls;

/** The way of every login; a dry run has its own. */
export const startTransaction: StartPam = ({ service, login, confdir, ...items }, conversation) =>
  withItems(
    Transaction.start({ serviceName: service, login, confdir, conversation }),
    { service, login, confdir, ...items },
  );

/** Sets items and variables as pam_script and pam_exec scripts expect them; disposes `transaction` if it cannot. */
export function withItems<T extends PamCalls>(transaction: T, items: PamItems): T {
  try {
    transaction.setItem("rhost", items.rhost);
    transaction.setItem("tty", items.tty);
    // Not PAM_RUSER, as sshd: pam_namespace takes it for a local account. Who it is, TELEPORT_USERNAME says.
    setVariables(transaction, items);
    // As sshd; pam_exec's scripts read it.
    transaction.putEnvironment("SSH_CONNECTION", items.connection);
  } catch (error) {
    transaction[Symbol.dispose]();
    throw error;
  }
  return transaction;
}

/** Sets the TELEPORT_ variables and the configured ones; again when a module has changed the login. */
export function setVariables(transaction: PamCalls, items: PamItems): void {
  // Configured ones last: as in Teleport they may take the place of the others.
  for (const [name, value] of [...teleportVariables(items), ...items.environment]) {
    transaction.putEnvironment(name, value);
    // pam_exec reads the PAM environment, pam_script only the process's own.
    Deno.env.set(name, value);
  }
}

/** Named as Teleport names them, so that scripts written for it run unchanged. */
function teleportVariables({ user, login, roles }: PamItems): [name: string, value: string][] {
  return [["TELEPORT_USERNAME", user], ["TELEPORT_LOGIN", login], ["TELEPORT_ROLES", roles.join(" ")]];
}
