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

/** How to reach a gateway. */
export interface Gateway {
  /** As ssh takes it after its options. */
  host: string;
  /** `null`: ssh's own. */
  port: number | null;
  identityFile: string | null;
}

/**
 * Runs a command of a gateway, with this process's own output.
 *
 * @param words After the command, without dashes
 * @throws {Failure} When there is no ssh
 */
export async function askGateway(
  command: string,
  words: string[],
  options: Options,
  name?: string,
): Promise<ExitCode> {
  const terminal = words.includes("watch") && Deno.stdout.isTerminal() ? ["-t"] : [];
  const args = [...terminal, ...sshArguments(command, words, options, gatewayOf(options, name))];
  const { code } = await ssh(args).spawn().status.catch(cannotStart);
  return exitCodeOf(code);
}

/** As {@link askGateway}, and gives what it prints. @throws {Failure} Also when the gateway does not answer */
export async function answerOf(
  command: string,
  words: string[],
  options: Options,
  gateway: Gateway,
): Promise<string> {
  const process = new Deno.Command("ssh", {
    args: sshArguments(command, words, options, gateway),
    stdin: "inherit",
    stderr: "inherit",
  });
  const { code, stdout } = await process.output().catch(cannotStart);
  if (code !== 0) throw new Failure(`${gateway.host} has not answered`, exitCodeOf(code));
  return new TextDecoder().decode(stdout);
}

function ssh(args: string[]): Deno.Command {
  return new Deno.Command("ssh", { args, stdin: "inherit" });
}

function cannotStart(cause: unknown): never {
  throw new Failure(`Cannot start ssh: ${sentenceOf(cause)}`);
}

function sshArguments(command: string, words: string[], options: Options, gateway: Gateway): string[] {
  const { host, port, identityFile } = gateway;
  const own = Array.isArray(options.option) ? options.option : [];
  return [
    ...(identityFile === null ? [] : ["-i", identityFile]),
    ...own.flatMap((option) => ["-o", option]),
    ...(port === null ? [] : ["-p", String(port)]),
    ...["-l", `+${command}`, "--", host, ...words],
  ];
}

function exitCodeOf(code: number): ExitCode {
  if (code === wrongWords) return ExitCode.usage;
  return code === 0 ? ExitCode.ok : code === sshFailure ? ExitCode.system : ExitCode.no;
}

/**
 * @param name `gate.example.org`, `gate.example.org:2222`, `[::1]:2222`, or a name of ssh_config(5); this machine's own
 *   `start` unless given
 * @throws {Failure} When that is none
 */
export function gatewayOf(options: Options, name?: string): Gateway {
  const identityFile = textOption(options, "identity") ?? null;
  return name === undefined ? ownGateway(options, identityFile) : { ...placeOf(name), identityFile };
}

function placeOf(text: string): Omit<Gateway, "identityFile"> {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+|[^:]*:.*:.*?))(?::(\d{1,5}))?$/.exec(text) ??
    [];
  const host = bracketed ?? plain;
  if (!host || host.includes("@")) {
    throw new Failure(`Cannot use '${text}' as a gateway: write its name, or NAME:PORT`, ExitCode.usage);
  }
  return { host, port: port === undefined ? null : Number(port) };
}

/** Where `start` listens on this machine, with the key of its first operator. */
function ownGateway(options: Options, identityFile: string | null): Gateway {
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
  return { host: hostname, port, identityFile: identityFile ?? (exists(key) ? key : null) };
}
