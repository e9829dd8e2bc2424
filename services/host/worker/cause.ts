/** How an error reads in the operator's log: its message and those of everything that caused it. */

import { ProtocolError } from "../../../shared/protocol/codec.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";

const maxCauseLength = 4_096;
/** More are a circle. */
const maxCauses = 16;

/** One line such as `pam_acct_mgmt failed with PAM_PERM_DENIED: Permission denied`. */
export function describeCause(error: unknown): string {
  return causes(error)
    // A ProblemError's own sentence is for the person; the log names the problem beside it.
    .filter((at) => !(at instanceof ProblemError && at.cause !== undefined))
    .map((at) => at instanceof Error ? at.message : String(at))
    .join(": ").slice(0, maxCauseLength);
}

/** `error` and what caused it, outermost first. */
export function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let at = error; at !== undefined && at !== null && chain.length < maxCauses; at = causeOf(at)) {
    chain.push(at);
  }
  return chain;
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
