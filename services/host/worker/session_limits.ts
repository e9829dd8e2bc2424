/**
 * Resource limits of the session that the worker cannot live under: pam_limits sets them on the process that calls it.
 *
 * sshd's session process is a few megabytes of C. Ours has an engine in it that reserves gigabytes of addresses and dies
 * at the first page it does not get; and it writes the journal. So the worker takes its own limits back, and every
 * process of the session is started under the session's.
 */

import { Errno, SystemError } from "../../../ffi/errno.ts";
import { getLimit, type Limit, type Resource, setLimit } from "../../../ffi/limits.ts";

/** All others the worker bears, and passes on as every process does. */
const unbearable: Resource[] = ["as", "data", "fsize"];

/**
 * Runs `openSession` and takes the worker's own limits back where it has left less, also when it throws.
 *
 * @returns What the processes of the session are to have
 */
export function keepingOwnLimits(openSession: () => void): Limit[] {
  const own = unbearable.map((resource): Limit => ({ resource, ...getLimit(resource) }));
  const session: Limit[] = [];
  try {
    openSession();
  } finally {
    for (const limit of own) {
      const { soft, hard } = getLimit(limit.resource);
      if (soft >= limit.soft && hard >= limit.hard) continue;
      session.push({ resource: limit.resource, soft, hard });
      raise(limit, hard);
    }
  }
  return session;
}

/** A host whose root lacks CAP_SYS_RESOURCE, as in some containers, cannot have more than the new hard limit. */
function raise({ resource, soft, hard }: Limit, hardNow: bigint): void {
  try {
    setLimit(resource, soft, hard);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.EPERM)) throw error;
    setLimit(resource, soft < hardNow ? soft : hardNow, hardNow);
  }
}
