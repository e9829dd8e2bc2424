/** Refusing a login that PAM will never be asked about as if PAM had refused it: nobody learns which logins there are. */

import type { Verdict } from "./method.ts";

/** pam_unix asks for a delay of 2 s after a wrong password, which libpam makes 1 to 3 s (pam_fail_delay(3)). */
const minDelayMs = 1_000;
const maxDelayMs = 3_000;

export async function refuseLikePam(): Promise<Verdict> {
  const delayMs = minDelayMs + Math.random() * (maxDelayMs - minDelayMs);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  return { verdict: "rejected", reason: "no role is given to this login under pam_logins" };
}
