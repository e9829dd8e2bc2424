/** Runs PAM for a request, with the person at its other end, and says how it went. */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { Prompt } from "../../../shared/protocol/prompt.ts";
import type { Problem } from "../../../shared/protocol/problems.ts";
import { asProblem, describeCause } from "./cause.ts";
import type { DispatcherSocket } from "./dispatcher_socket.ts";
import { leave } from "./leave.ts";
import { type Login, logIn, type LoginReports } from "./login.ts";
import type { LoginRecords } from "./login_records.ts";
import { restoreLoginLimits } from "./prepare.ts";
import { askPerson, LoginCancelled } from "./questions.ts";
import type { TakenRequest } from "./take_request.ts";

export interface AskedLogin extends TakenRequest {
  settings: HostSettings;
  records: LoginRecords;
  socket: DispatcherSocket;
}

/** @returns `null` when the login was refused, which the dispatcher knows then */
export function openLogin(asked: AskedLogin): Login | null {
  return decided(asked, (reports) => logIn(asked.open, asked.settings, reports));
}

/**
 * Has PAM `decide`, with the person at its other end.
 *
 * @returns `null` when they were refused, which the dispatcher knows then
 */
export function decided<T>(
  { open, responses, settings, records, socket }: AskedLogin,
  decide: (reports: LoginReports) => T,
): T | null {
  let isOpening = true;
  const askOrLeave = (prompt: Prompt) => {
    try {
      return askPerson(socket, responses, prompt);
    } catch (error) {
      if (error instanceof LoginCancelled) {
        leave(settings, open.lease, () => socket.log("info", "The person has left before PAM had decided"));
      }
      throw error;
    }
  };
  try {
    restoreLoginLimits(settings.openFilesSoft);
    return decide({
      notify: (text) => {
        if (isOpening) socket.reply({ type: "lease.notice", text });
      },
      ask: (prompt) => {
        if (!isOpening) throw new Error("Cannot ask after the login");
        return askOrLeave(prompt);
      },
      log: (level, message, properties) => socket.log(level, message, properties),
      onCloseFailure: (step, error) =>
        socket.log("warning", "Cannot complete {step}: {cause}", { step, cause: describeCause(error) }),
    });
  } catch (error) {
    const { problem, detail } = asProblem(error);
    if (verdicts.includes(problem)) records.refuse(open.login);
    socket.reply({ type: "lease.refused", problem, text: detail ?? "", cause: describeCause(error) });
    return null;
  } finally {
    isOpening = false;
  }
}

/** Problems that are a verdict about somebody, and not about the host. */
const verdicts: Problem[] = [
  "authentication-failed",
  "authentication-unavailable",
  "password-expired",
  "access-denied",
  "login-closed",
  "account-missing",
  "account-refused",
  "session-refused",
];
