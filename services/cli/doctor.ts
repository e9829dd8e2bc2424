/** `sallyport doctor`: what is missing or wrong, and what to do about it. */

import { join } from "node:path";
import { configuredFindings } from "./doctor/configured.ts";
import { dryRunLogin } from "./doctor/dry_run/mod.ts";
import type { Finding } from "./doctor/finding.ts";
import { machineFindings } from "./doctor/machine.ts";
import { scriptsFindings, serviceFileFindings } from "./doctor/read_stack.ts";
import { report } from "./doctor/report.ts";
import { ExitCode, Failure } from "./failure.ts";
import { exists } from "./state_files.ts";
import { type Options, textOption } from "./verb.ts";

export async function run(options: Options): Promise<ExitCode> {
  if (options.login !== undefined) return dryRunLogin(options, namedConfig(options));
  const lost = ["host", "session", "from"].filter((name) => options[name] !== undefined);
  if (lost.length > 0) {
    const flags = lost.map((name) => `--${name}`).join(" and ");
    throw new Failure(`${flags} can only be given together with --login NAME`, ExitCode.usage);
  }
  const findings = [...machineFindings(), ...await given(options)];
  console.log(report(findings));
  return findings.some(({ severity }) => severity === "error") ? ExitCode.no : ExitCode.ok;
}

/** Stacks and scripts alone when they are named, else the configuration and what it names. */
async function given(options: Options): Promise<Finding[]> {
  const stacks = list(options, "stack");
  const scripts = list(options, "scripts");
  const read = [...stacks.flatMap((file) => serviceFileFindings(file)), ...scripts.flatMap(scriptsFindings)];
  if (options.config === undefined && stacks.length + scripts.length > 0) return read;
  const file = namedConfig(options);
  if (file === null) return [...read, noConfiguration];
  return [...read, ...await configuredFindings(file, textOption(options, "teleport"))];
}

const noConfiguration: Finding = {
  severity: "warning",
  where: null,
  what: "There is no configuration yet",
  remedy: "run `sallyport start`, which makes one, or give --config",
};

/** The configuration that is meant: the one named, else where one usually is. */
function namedConfig(options: Options): string | null {
  const usual = [join(textOption(options, "state") ?? "", "sallyport.yaml"), "/etc/sallyport/sallyport.yaml"];
  return textOption(options, "config") ?? usual.find(exists) ?? null;
}

function list(options: Options, name: string): string[] {
  const value = options[name];
  return Array.isArray(value) ? value : [];
}
