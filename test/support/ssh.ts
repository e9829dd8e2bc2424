/** Debian's own ssh client, cut off from the configuration of whoever runs the tests. */

import { type CommandOptions, type CommandResult, run } from "./command.ts";

/** Where to connect, and with which key. */
export interface SshTarget {
  /** @default {"127.0.0.1"} */
  address?: string;
  port: number;
  keyFile: string;
  /** known_hosts and control sockets go here. */
  state: string;
}

export interface SshOptions extends CommandOptions {
  /** Further options in front of the destination, such as `["-tt"]`. */
  options?: string[];
}

/** The command line for `login` on `target`; `command` follows as it is. */
export function sshArguments(target: SshTarget, login: string, options: string[], command: string[]) {
  const settings = {
    UserKnownHostsFile: `${target.state}/known_hosts`,
    GlobalKnownHostsFile: "none",
    StrictHostKeyChecking: "no",
    IdentitiesOnly: "yes",
    BatchMode: "yes",
    ConnectTimeout: "20",
    LogLevel: "ERROR",
    EscapeChar: "none",
  };
  return [
    ...["ssh", "-F", "none", "-p", String(target.port), "-i", target.keyFile],
    ...options, // First, for ssh takes the first value it meets.
    ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
    ...["-l", login, target.address ?? "127.0.0.1"],
    ...command,
  ];
}

/** Runs `command` on the target by ssh; 255 is the client's own failure, as ever. */
export function ssh(
  target: SshTarget,
  login: string,
  command: string,
  options: SshOptions = {},
): Promise<CommandResult> {
  const { options: extra = [], ...rest } = options;
  return run(sshArguments(target, login, extra, [command]), rest);
}

/** An ssh that is still running: it can be fed, watched and killed. */
export function spawnSsh(
  target: SshTarget,
  login: string,
  command: string[],
  options: string[] = [],
  env: Record<string, string> = {},
) {
  const argv = sshArguments(target, login, options, command);
  return new Deno.Command(argv[0]!, {
    args: argv.slice(1),
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Makes an ed25519 key pair without passphrase. @returns The line for authorized_keys */
export async function makeKey(file: string): Promise<string> {
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file]);
  return (await Deno.readTextFile(`${file}.pub`)).trim();
}
