/** Resource limits and the file mode mask: what a process passes on to its children. */

import { unwrap } from "./errno.ts";
import { C_LIBRARY, library } from "./library.ts";

const libc = library(C_LIBRARY, {
  // int getrlimit(int resource, struct rlimit *rlim) <sys/resource.h>
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // int setrlimit(int resource, const struct rlimit *rlim) <sys/resource.h>
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // mode_t umask(mode_t mask) <sys/stat.h>
  umask: { parameters: ["u32"], result: "u32" },
});

/** RLIMIT_* of <asm-generic/resource.h>. */
const resources = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

/** A resource by its name in pam_limits(8) and getrlimit(2), in lower case. */
export type Resource = keyof typeof resources;

/** RLIM_INFINITY: no limit. */
export const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** struct rlimit: rlim_t rlim_cur, rlim_t rlim_max, both 64 bits. */
export function getLimit(resource: Resource): { soft: bigint; hard: bigint } {
  const rlimit = new BigUint64Array(2);
  unwrap("getrlimit", libc().getrlimit(resources[resource], rlimit));
  return { soft: rlimit[0] ?? 0n, hard: rlimit[1] ?? 0n };
}

/**
 * Sets both limits of a resource.
 *
 * @throws {SystemError} EPERM for a higher hard limit without CAP_SYS_RESOURCE, EINVAL for soft above hard
 */
export function setLimit(resource: Resource, soft: bigint, hard: bigint): void {
  unwrap("setrlimit", libc().setrlimit(resources[resource], BigUint64Array.of(soft, hard)));
}

/** Both limits of a resource. */
export interface Limit {
  resource: Resource;
  soft: bigint;
  hard: bigint;
}

/** {@link setLimit} for later, when there may be no memory to be had. */
export function limitSetter({ resource, soft, hard }: Limit): () => void {
  const rlimit = BigUint64Array.of(soft, hard);
  const { setrlimit } = libc();
  return () => void unwrap("setrlimit", setrlimit(resources[resource], rlimit));
}

/** Sets the file mode creation mask (umask(2)) and returns the one before. */
export function setUmask(mask: number): number {
  return libc().umask(mask);
}
