/** argv → verb: a table, and nothing else. */

import { Command, CommanderError } from "commander";
import { ConfigError } from "../shared/config/mistakes.ts";
import { withParent } from "../shared/parent.ts";
import { version } from "../shared/version.ts";
import { ExitCode, Failure, sentenceOf } from "./cli/failure.ts";
import type { Option, Options, Verb } from "./cli/verb.ts";

const state: Option = {
  flags: "--state <folder>",
  about: "where keys and configuration are kept",
  fallback: "/var/lib/sallyport",
};
const listen: Option = { flags: "--listen <address:port>", about: "in place of gateway.listen" };
const config: Option = {
  flags: "--config <file>",
  about: "sallyport.yaml",
  fallback: "/etc/sallyport/sallyport.yaml",
};
const parent: Option = {
  flags: withParent,
  about: "end when standard input does, as it does with its parent",
};
const teleport: Option = {
  flags: "--teleport <file>",
  about: "take ssh_service.pam from this teleport.yaml",
};

const identity: Option = {
  flags: "-i, --identity <file>",
  about: "private key for the gateway, as ssh's -i",
};
const sshOption: Option = { flags: "-o, --option <option...>", about: "for ssh, as its own -o" };
const json: Option = { flags: "--json", about: "one JSON object a line" };

const verbs: Record<string, Verb> = {
  start: {
    summary: "run broker, gateway and host on this machine",
    options: [
      state,
      { flags: "--listen <address:port>", about: "where SSH is accepted; 127.0.0.1:2222 on first use" },
      { flags: "--config <file>", about: "a sallyport.yaml other than the one in the state folder" },
      teleport,
    ],
    load: () => import("./cli/start.ts"),
  },
  gateway: {
    summary: "run the gateway",
    options: [config, listen, parent],
    load: () => import("./cli/gateway.ts"),
  },
  host: {
    summary: "run the host service",
    options: [
      config,
      teleport,
      parent,
      {
        flags: "--reload",
        about: "write anew what a running host reads at every login, as its SIGHUP does, and end",
      },
    ],
    load: () => import("./cli/host.ts"),
  },
  broker: {
    summary: "run the embedded broker",
    options: [config, parent],
    load: () => import("./cli/broker.ts"),
  },
  doctor: {
    summary: "check all that the services need, and say what to do",
    options: [
      { flags: "--config <file>", about: "sallyport.yaml to check; of the state folder when not given" },
      state,
      teleport,
      { flags: "--stack <file...>", about: "PAM service files to read for traps" },
      { flags: "--scripts <path...>", about: "scripts, folders of them, or guides with shell snippets" },
      {
        flags: "--login <name>",
        about: "try this login: run its account stack, and say which module answers what",
      },
      {
        flags: "--host <name>",
        about: "with --login: on this host, over the bus; by default on this machine",
      },
      { flags: "--session", about: "with --login: open and close the PAM session as well" },
      {
        flags: "--from <address>",
        about: "with --login: where it comes from (PAM_RHOST), 127.0.0.1 unless given",
      },
    ],
    load: () => import("./cli/doctor.ts"),
  },
  hosts: {
    summary: "list the hosts you may log in to; `ssh +hosts@GATEWAY` does the same",
    arguments: ["[gateway]"],
    options: [
      state,
      identity,
      sshOption,
      json,
      { flags: "--watch", about: "go on, and print them again when something changes" },
    ],
    load: () => import("./cli/hosts.ts"),
  },
  sessions: {
    summary:
      "list your own sessions on terminals, and how to take them up; `ssh +sessions@GATEWAY` does the same",
    arguments: ["[gateway]"],
    options: [state, identity, sshOption, json],
    load: () => import("./cli/sessions.ts"),
  },
  "ssh-config": {
    summary:
      "print a client configuration by which ssh, scp, rsync and ansible reach hosts through a gateway",
    arguments: ["[gateway]"],
    options: [state, identity, sshOption],
    load: () => import("./cli/ssh_config.ts"),
  },
  keys: {
    summary: "keys of a fleet: init, add-gateway NAME, add-host NAME, revoke KIND:NAME, list",
    arguments: ["<action>", "[name]"],
    options: [
      state,
      {
        flags: "--address <names>",
        about: "what people call the gateway, for its certificate, with commas between",
      },
      { flags: "--bus <urls>", about: "where members dial NATS, with commas between; kept from init on" },
      { flags: "--tls-cert <file>", about: "nats-server's certificate, a file on its machine; kept" },
      { flags: "--tls-key <file>", about: "its private key" },
      { flags: "--tls-ca <file>", about: "whose certificates members must show" },
    ],
    load: () => import("./cli/keys.ts"),
  },
};

function build(finish: (code: ExitCode) => void): Command {
  const program = new Command("sallyport").description("SSH access for fleets of Linux hosts").version(
    version,
  );
  program.exitOverride().showHelpAfterError("(sallyport --help lists the verbs)");
  for (const [name, verb] of Object.entries(verbs)) {
    const command = program.command(name).summary(verb.summary).description(verb.summary).exitOverride();
    const names = verb.arguments ?? [];
    for (const name of names) command.argument(name);
    for (const { flags, about, fallback } of verb.options) command.option(flags, about, fallback);
    command.action(async (...given: unknown[]) => {
      const words = given.slice(0, names.length) as (string | undefined)[];
      finish(await (await verb.load()).run(given[names.length] as Options, ...words));
    });
  }
  return program;
}

/** Runs one command line; resolves with the exit code. */
export async function main(argv: string[]): Promise<ExitCode> {
  let code: ExitCode = ExitCode.ok;
  try {
    await build((given) => code = given).parseAsync(argv, { from: "user" });
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    console.error(sentenceOf(cause));
    if (cause instanceof Failure) return cause.exitCode;
    return cause instanceof ConfigError ? ExitCode.usage : ExitCode.system;
  }
  return code;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
