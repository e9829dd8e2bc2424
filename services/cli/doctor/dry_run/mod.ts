/** `sallyport doctor --login NAME`: what each PAM module would say to this login, and how it would end. */

import { type ConfigFile, loadConfig } from "../../../../shared/config/load.ts";
import { loadTeleportPam } from "../../../../shared/config/teleport.ts";
import { isLogin, isName } from "../../../../shared/protocol/names.ts";
import { ExitCode, Failure, mustBeRoot } from "../../failure.ts";
import { type Options, textOption } from "../../verb.ts";
import { tryHere } from "./here.ts";
import { tryThere } from "./there.ts";

/** A login to try. */
export interface Trial {
  login: string;
  /** Numeric address it is said to come from. */
  address: string;
  withSession: boolean;
}

/**
 * Tries a login and prints what happens.
 *
 * @param file The configuration, if there is one
 * @returns `no` when the login would be refused
 * @throws {Failure}
 */
export function dryRunLogin(options: Options, file: string | null): Promise<ExitCode> {
  mustBeRoot("try a login");
  const login = textOption(options, "login") ?? "";
  if (!isLogin(login)) throw new Failure(`"${login}" cannot be a login`, ExitCode.usage);
  if (file === null) {
    throw new Failure(
      "There is no configuration to take the PAM service from: give --config",
      ExitCode.usage,
    );
  }
  const source = loadConfig(file);
  const trial = { login, address: textOption(options, "from") ?? "", withSession: options.session === true };
  const host = hostOf(source, textOption(options, "host"));
  if (host !== source.config.host?.name) return tryThere(source, trial, host);
  const teleport = textOption(options, "teleport");
  return tryHere(source, trial, teleport === undefined ? undefined : loadTeleportPam(teleport));
}

function hostOf({ config, file }: ConfigFile, named: string | undefined): string {
  const host = named ?? config.host?.name;
  if (host === undefined) {
    throw new Failure(`${file} has no host section: name the host to try it on with --host`, ExitCode.usage);
  }
  if (!isName(host)) throw new Failure(`"${host}" cannot be the name of a host`, ExitCode.usage);
  return host;
}
