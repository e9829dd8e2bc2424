/** Asking the person: a prompt goes to the gateway, and the worker waits for the answers. */

import type { Prompt } from "../../../shared/protocol/prompt.ts";
import type { ResponseCipher } from "../../../shared/trust/responses.ts";
import type { DispatcherSocket } from "./dispatcher_socket.ts";
import { nextState } from "./vocabulary.ts";

/** The person, the gateway or the dispatcher has left before PAM decided. */
export class LoginCancelled extends Error {
  override name = "LoginCancelled";
  constructor() {
    super("The person has left before the login was decided");
  }
}

/**
 * Sends `prompt` and waits for its answers; whoever asked too long is killed from outside (LoginGraceTime).
 *
 * @returns One answer for each question, to be wiped after use
 * @throws {LoginCancelled}
 * @throws {ProtocolError} If what comes back is no answer
 */
export function askPerson(
  socket: DispatcherSocket,
  responses: ResponseCipher,
  prompt: Prompt,
): Uint8Array<ArrayBuffer>[] {
  socket.reply({ type: "lease.prompt", prompt });
  const message = socket.receive();
  if (message === null) throw new LoginCancelled();
  nextState("opening", message.type);
  if (message.type !== "lease.responses") throw new LoginCancelled();
  return responses.open(message.responses, prompt.questions.length);
}
