/**
 * `pam_login.ts CONFDIR SERVICE LOGIN`: account and session stacks of one service as root, as a program of its own,
 * because pam_script hands on the environment of the process. Prints what PAM said and how it ended as JSON.
 */

import { PamError, Transaction } from "../../ffi/pam.ts";

const [confdir = "", serviceName = "", login = ""] = Deno.args;
const texts: string[] = [];
let failure: string | null = null;
using transaction = Transaction.start({
  serviceName,
  login,
  confdir,
  conversation: (messages) => {
    texts.push(...messages.map(({ text }) => text));
    return [];
  },
});
try {
  transaction.putEnvironment("TELEPORT_LOGIN", login);
  transaction.acctMgmt();
  transaction.openSession();
  transaction.closeSession();
} catch (cause) {
  if (!(cause instanceof PamError)) throw cause;
  failure = `${cause.call} ${cause.codeName}`;
}
console.log(JSON.stringify({ texts, failure }));
