/** Taking up a session of before: PAM decides once more who gets in, and another worker has what they get. */

import { within } from "./deadline.ts";
import { admit } from "./login.ts";
import { type AskedLogin, decided } from "./open_login.ts";
import { nextState } from "./vocabulary.ts";

/** Asks PAM, with nothing opened, and waits until the dispatcher ends the lease or is gone. */
export function serveAttachment(asked: AskedLogin): void {
  const { open, settings, socket } = asked;
  const identity = within(
    settings.loginGraceMs,
    () => decided(asked, (reports) => admit(open, settings, reports)),
  );
  if (!identity) return;
  socket.reply({ type: "lease.accepted", login: identity.login });
  const message = socket.receive();
  if (message) nextState("attached", message.type);
}
