/** `sallyport ssh-config [gateway]`: a client configuration by which `ssh login@host` goes through a gateway. */

import { join } from "node:path";
import { isName } from "../../shared/protocol/names.ts";
import { answerOf, type Gateway, gatewayOf } from "./ask_gateway.ts";
import { ExitCode } from "./failure.ts";
import { exists, readOwn } from "./state_files.ts";
import { type Options, textOption } from "./verb.ts";

export async function run(options: Options, name?: string): Promise<ExitCode> {
  const gateway = gatewayOf(options, name);
  const answer = await answerOf("hosts", ["json"], options, gateway);
  const hosts = answer.split("\n").filter((line) => line !== "").map((line) => String(JSON.parse(line).name));
  const authority = join(textOption(options, "state") ?? "", "ssh_ca");
  console.log(sshConfig(gateway, hosts.filter(isName), exists(authority) ? readOwn(authority).trim() : null));
  return ExitCode.ok;
}

/**
 * The text, as in ssh_config(5).
 *
 * @param authority The line of known_hosts(5) that the fleet key stands behind, if it is known here
 */
export function sshConfig(
  { host, port, identityFile }: Gateway,
  hosts: string[],
  authority: string | null,
): string {
  const alias = `sallyport-${host.replace(/[^A-Za-z0-9.-]/g, "-")}`;
  const identity = identityFile === null ? [] : [`  IdentityFile ${identityFile}`];
  // Run without a shell: the words are taken as they stand.
  const trust = authority === null ? [] : [`  KnownHostsCommand /bin/echo ${authority}`];
  return [
    `# For ~/.ssh/config, by \`sallyport ssh-config\`: ssh LOGIN@HOST, scp, rsync and ansible reach each host by its name.`,
    ...(authority === null
      ? [
        "# Put the fleet's ssh_ca (`sallyport keys` has made it) into ~/.ssh/known_hosts: it vouches for every host.",
      ]
      : []),
    `Host ${alias}`,
    `  HostName ${host}`,
    ...(port === null ? [] : [`  Port ${port}`]),
    `  User +jump`,
    ...identity,
    ...(hosts.length === 0 ? ["# No host that you may log in to is known there now."] : [
      `Host ${hosts.join(" ")}`,
      `  ProxyJump ${alias}`,
      ...identity,
      ...trust,
    ]),
  ].join("\n");
}
