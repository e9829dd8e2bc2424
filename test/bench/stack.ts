/** The PAM stack both run: ordinary modules, a message of the day, and an account that exists. */

import { makeAccount } from "../support/logins.ts";

export async function benchStack(login: string): Promise<string> {
  await makeAccount(login);
  await Deno.writeTextFile("/etc/motd", "");
  return [
    "auth required pam_permit.so",
    "account required pam_unix.so",
    "session required pam_limits.so",
    "session required pam_env.so",
    "session required pam_unix.so",
    "session optional pam_motd.so motd=/etc/motd noupdate",
    "",
  ].join("\n");
}
