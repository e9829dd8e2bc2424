/** `sallyport doctor --login NAME`: what each PAM module would say to this login, and how it would end. */

import { isIP } from "node:net";
import { type ConfigFile, loadConfig } from "../../../../shared/config/load.ts";
import { loadTeleportPam } from "../../../../shared/config/teleport.ts";
import type { Labels } from "../../../../shared/protocol/lease.ts";
import { isLogin, isName } from "../../../../shared/protocol/names.ts";
import type { Place } from "../../../gateway/roles.ts";
import { ExitCode, Failure, mustBeRoot } from "../../failure.ts";
import { type Options, textOption } from "../../verb.ts";
import { type Admission, admissionTo, nobodyMayHave } from "./applicant.ts";
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
export async function dryRunLogin(options: Options, file: string | null): Promise<ExitCode> {
  mustBeRoot("try a login");
  const login = textOption(options, "login") ?? "";
  if (!isLogin(login)) throw new Failure(`"${login}" cannot be a login`, ExitCode.usage);
  if (file === null) {
    throw new Failure(
      "There is no configuration to take the PAM service from: give --config",
      ExitCode.usage,
    );
  }
  const address = textOption(options, "from") ?? "127.0.0.1";
  if (isIP(address) === 0) {
    throw new Failure(
      `--from must be a numeric address such as 192.0.2.7 or 2001:db8::7, not "${address}"`,
      ExitCode.usage,
    );
  }
  const source = loadConfig(file);
  const host = hostOf(source, textOption(options, "host"));
  const trial = { login, address, withSession: options.session === true };
  const admit = (labels: Labels) => announced(login, { host: { labels }, source: address }, source);
  if (host !== source.config.host?.name) return await tryThere(source, trial, host, admit);
  const admission = admit(source.config.host.labels);
  if (!admission) return ExitCode.no;
  const teleport = textOption(options, "teleport");
  const pam = teleport === undefined ? undefined : loadTeleportPam(teleport);
  return await tryHere(source, { ...trial, ...admission }, pam);
}

/** Says who may have the login, or that nobody may. */
function announced(login: string, place: Place, source: ConfigFile): Admission | null {
  const admission = admissionTo(login, place, source);
  console.log(admission?.who ?? nobodyMayHave(login));
  return admission;
}

function hostOf({ config, file }: ConfigFile, named: string | undefined): string {
  const host = named ?? config.host?.name;
  if (host === undefined) {
    throw new Failure(`${file} has no host section: name the host to try it on with --host`, ExitCode.usage);
  }
  if (!isName(host)) throw new Failure(`"${host}" cannot be the name of a host`, ExitCode.usage);
  return host;
}
