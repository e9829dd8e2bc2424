/** PAM stacks made for a test. */

/** Creates the account when there is none. Modules of other logins wait at the lock: useradd(8) does not queue. */
const createAccount = `#!/bin/sh
set -eu
exec 9> /run/lock/sallyport-test
flock 9
id -u "$PAM_USER" > /dev/null 2>&1 || useradd -m -s /bin/bash "$PAM_USER"
`;

/** Writes an executable script and gives its name. */
export async function writeScript(folder: string, name: string, text: string): Promise<string> {
  const file = `${folder}/${name}`;
  await Deno.writeTextFile(file, text, { mode: 0o755 });
  return file;
}

/** A stack that creates the account and shows /etc/motd; `extra` lines come at the end. */
export async function creatingStack(folder: string, extra: string[] = []): Promise<string> {
  const script = await writeScript(folder, "create-account", createAccount);
  return [
    `account required pam_exec.so quiet ${script}`,
    "account required pam_unix.so",
    "session required pam_permit.so",
    "session optional pam_motd.so motd=/etc/motd noupdate",
    ...extra,
    "",
  ].join("\n");
}

/** Puts a stack where the kit's configuration looks for it. */
export async function writeStack(state: string, text: string): Promise<void> {
  await Deno.mkdir(`${state}/pam.d`, { recursive: true });
  await Deno.writeTextFile(`${state}/pam.d/test`, text);
}
