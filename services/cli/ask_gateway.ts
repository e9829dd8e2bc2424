/** Asking a gateway one of its commands, as anybody does: by the stock ssh client, with the person's own keys and known hosts. */

import { join } from "node:path";
import { loadConfig } from "../../shared/config/load.ts";
import { toGatewaySettings } from "../../shared/config/settings.ts";
import { ExitCode, Failure, sentenceOf } from "./failure.ts";
import { exists } from "./state_files.ts";
import { dialled } from "./start/ready.ts";
import { type Options, textOption } from "./verb.ts";

/** ssh's own failure (ssh(1), EXIT STATUS). */
const sshFailure = 255;
/** The gateway understood none of the words. */
const wrongWords = 2;

/**
 * @param words After the command, without dashes
 * @param gateway A destination of ssh, perhaps with a port; this machine's own `start` unless given
 * @throws {Failure} When there is no ssh, or nobody to ask
 */
export async function askGateway(
  command: string,
  words: string[],
  options: Options,
  gateway?: string,
): Promise<ExitCode> {
  const destination = gateway === undefined ? ownGateway(options) : destinationOf(gateway);
  const identity = textOption(options, "identity");
  const sshOptions = Array.isArray(options.option) ? options.option : [];
  const args = [
    ...(words.includes("watch") && Deno.stdout.isTerminal() ? ["-t"] : []),
    ...(identity === undefined ? [] : ["-i", identity]),
    ...sshOptions.flatMap((option) => ["-o", option]),
    ...destination.options,
    ...["-l", `+${command}`, "--", destination.host, ...words],
  ];
  let code: number;
  try {
    ({ code } = await new Deno.Command("ssh", { args, stdin: "inherit" }).spawn().status);
  } catch (cause) {
    throw new Failure(`Cannot start ssh: ${sentenceOf(cause)}`);
  }
  if (code === wrongWords) return ExitCode.usage;
  return code === 0 ? ExitCode.ok : code === sshFailure ? ExitCode.system : ExitCode.no;
}

interface Destination {
  host: string;
  options: string[];
}

/** `gate.example.org`, `gate.example.org:2222`, `[::1]:2222`, or a name of ssh_config(5). */
function destinationOf(text: string): Destination {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+|[^:]*:.*:.*?))(?::(\d{1,5}))?$/.exec(text) ??
    [];
  const host = bracketed ?? plain;
  if (!host || host.includes("@")) {
    throw new Failure(`Cannot use '${text}' as a gateway: write its name, or NAME:PORT`, ExitCode.usage);
  }
  return { host, options: port === undefined ? [] : ["-p", port] };
}

/** Where `start` listens on this machine, with the key of its first operator. */
function ownGateway(options: Options): Destination {
  const state = textOption(options, "state") ?? "";
  const file = join(state, "sallyport.yaml");
  if (!exists(file)) {
    throw new Failure(
      `There is no ${file}: name a gateway, as in \`hosts gate.example.org:2222\``,
      ExitCode.usage,
    );
  }
  const [first] = toGatewaySettings(loadConfig(file)).listen;
  if (!first) throw new Failure(`Cannot find an address in ${file}: name a gateway`, ExitCode.usage);
  const { hostname, port } = dialled(first);
  const key = join(state, "id_ed25519");
  const isOurs = options.identity === undefined && exists(key);
  return { host: hostname, options: ["-p", String(port), ...(isOurs ? ["-i", key] : [])] };
}
