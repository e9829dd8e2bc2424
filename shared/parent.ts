/**
 * Noticing that the parent is gone: it holds the other end of this process's standard input, which ends with it.
 *
 * A signal at the parent's death (PR_SET_PDEATHSIG) would be lost where the process drops its privileges.
 */

/** The option that says that standard input is such a pipe; a service manager gives none. */
export const withParent = "--with-parent";

/** Resolves when standard input has come to its end. What comes before is nobody's. */
export async function parentGone(): Promise<void> {
  const buffer = new Uint8Array(1_024);
  while (await Deno.stdin.read(buffer) !== null);
}
