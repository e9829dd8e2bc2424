/** How an error reads in the operator's log: its message and those of everything that caused it. */

import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";

const maxCauseLength = 4_096;

/** One line such as `pam_acct_mgmt failed with PAM_PERM_DENIED: Permission denied`. */
export function describeCause(error: unknown): string {
  const messages: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null && messages.length < 8; at = causeOf(at)) {
    const message = at instanceof Error ? at.message : String(at);
    // A ProblemError's own sentence is for the person; the log names the problem beside it.
    if (!(at instanceof ProblemError && at.cause !== undefined)) messages.push(message);
  }
  return messages.join(": ").slice(0, maxCauseLength);
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** Any error as a problem with a sentence for the person. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const problem = error instanceof ProtocolError ? "malformed" : "internal";
  return new ProblemError(problem, undefined, { cause: error });
}
