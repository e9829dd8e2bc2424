/**
 * Resource limits of the session that the worker cannot live under: pam_limits sets them on the process that calls it.
 *
 * sshd's session process is a few megabytes of C. Ours has an engine in it that reserves gigabytes of addresses and dies
 * at the first page it does not get; and it writes the journal. So the worker takes its own limits back, and every
 * process of the session is started under the session's.
 */

import { getLimit, type Limit, type Resource, setLimit } from "../../../ffi/limits.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";

/** All others the worker bears, and passes on as every process does. */
const unbearable: Resource[] = ["as", "data", "fsize"];

export interface SessionLimits {
  /** What the processes of the session are to have. */
  limits: Limit[];
  /** Why the worker cannot serve it, if it cannot. The session is open all the same. */
  problem: ProblemError | null;
}

/**
 * Runs `openSession` and takes the worker's own limits back where it has left less, also when it throws.
 */
export function keepingOwnLimits(openSession: () => void): SessionLimits {
  const own = unbearable.map((resource): Limit => ({ resource, ...getLimit(resource) }));
  const session: SessionLimits = { limits: [], problem: null };
  try {
    openSession();
  } finally {
    for (const limit of own) {
      const { soft, hard } = getLimit(limit.resource);
      if (soft >= limit.soft && hard >= limit.hard) continue;
      session.limits.push({ resource: limit.resource, soft, hard });
      session.problem ??= raise(limit, hard);
    }
  }
  return session;
}

/**
 * A host whose root lacks CAP_SYS_RESOURCE, as in some containers, cannot have more than the new hard limit. For the
 * size of files that may do.
 */
function raise({ resource, soft, hard }: Limit, hardNow: bigint): ProblemError | null {
  try {
    setLimit(resource, soft, hard);
  } catch (cause) {
    // Whatever errno says: where memory is short, it may be of another call.
    if (resource !== "fsize") return tooLow(resource, cause);
    setLimit(resource, soft < hardNow ? soft : hardNow, hardNow);
  }
  return null;
}

function tooLow(resource: Resource, cause: unknown): ProblemError {
  const text =
    `The session's hard limit '${resource}' is too low to live under, and this host lets not even root ` +
    "raise a limit (CAP_SYS_RESOURCE); a soft one would do";
  return new ProblemError("session-refused", undefined, { cause: new Error(text, { cause }) });
}
