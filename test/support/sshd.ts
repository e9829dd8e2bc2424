/** Debian's sshd with PAM, as a peer to compare with. */

import { replaceFiles } from "./files.ts";
import { connectable, freePort } from "./ports.ts";
import type { SshTarget } from "./ssh.ts";
import { makeKey } from "./ssh.ts";
import { until } from "./wait.ts";

export interface Sshd extends SshTarget, AsyncDisposable {
  pid: number;
}

/** The PAM service of every sshd: the name of its program. */
export const sshdService = "/etc/pam.d/sshd";

/**
 * Starts sshd in the foreground on a free port.
 *
 * @param stack Text of the PAM stack, in {@link sshdService} while it runs; `null` leaves the one that is there
 * @param more Keys of sshd_config in place of the kit's own
 */
export async function startSshd(stack: string | null, more: Record<string, string> = {}): Promise<Sshd> {
  const state = await Deno.makeTempDir({ prefix: "sshd-" });
  await Deno.chmod(state, 0o755);
  const own = await replaceFiles({ [sshdService]: stack ?? await Deno.readTextFile(sshdService) });
  const authorized = await makeKey(`${state}/id_ed25519`);
  await makeKey(`${state}/host_key`);
  await Deno.writeTextFile(`${state}/authorized_keys`, `${authorized}\n`, { mode: 0o644 });
  const port = freePort();
  const settings = {
    Port: port,
    ListenAddress: "127.0.0.1",
    HostKey: `${state}/host_key`,
    PidFile: "none",
    AuthorizedKeysFile: `${state}/authorized_keys`,
    StrictModes: "no",
    UsePAM: "yes",
    PrintMotd: "no",
    PrintLastLog: "no",
    MaxStartups: 500,
    MaxSessions: 1000,
    KexAlgorithms: "curve25519-sha256",
    AcceptEnv: "LANG LC_*",
    ...more,
  };
  await Deno.writeTextFile(
    `${state}/sshd_config`,
    Object.entries(settings).map(([key, value]) => `${key} ${value}\n`).join(""),
  );
  const child = new Deno.Command("/usr/sbin/sshd", {
    args: ["-D", "-e", "-f", `${state}/sshd_config`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await until("sshd listens", () => connectable(port));
  return {
    pid: child.pid,
    port,
    keyFile: `${state}/id_ed25519`,
    state,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await own[Symbol.asyncDispose]();
      await Deno.remove(state, { recursive: true });
    },
  };
}
