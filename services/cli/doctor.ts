/** `sallyport doctor`: what is missing or wrong, and what to do about it. */

import { join } from "node:path";
import { configuredFindings } from "./doctor/configured.ts";
import type { Finding } from "./doctor/finding.ts";
import { machineFindings } from "./doctor/machine.ts";
import { scriptsFindings, serviceFileFindings } from "./doctor/read_stack.ts";
import { report } from "./doctor/report.ts";
import { ExitCode } from "./failure.ts";
import { exists } from "./state_files.ts";
import { type Options, textOption } from "./verb.ts";

export async function run(options: Options): Promise<ExitCode> {
  const findings = [...machineFindings(), ...await given(options)];
  console.log(report(findings));
  return findings.some(({ severity }) => severity === "error") ? ExitCode.no : ExitCode.ok;
}

/** Stacks and scripts alone when they are named, else the configuration and what it names. */
async function given(options: Options): Promise<Finding[]> {
  const stacks = list(options, "stack");
  const scripts = list(options, "scripts");
  const read = [...stacks.flatMap(serviceFileFindings), ...scripts.flatMap(scriptsFindings)];
  const named = textOption(options, "config");
  if (named === undefined && stacks.length + scripts.length > 0) return read;
  const file = named ?? usualConfig(textOption(options, "state") ?? "");
  if (file === null) return [...read, noConfiguration];
  return [...read, ...await configuredFindings(file, textOption(options, "teleport"))];
}

const noConfiguration: Finding = {
  severity: "warning",
  where: null,
  what: "There is no configuration yet",
  remedy: "run `sallyport start`, which makes one, or give --config",
};

function usualConfig(state: string): string | null {
  const candidates = [join(state, "sallyport.yaml"), "/etc/sallyport/sallyport.yaml"];
  return candidates.find(exists) ?? null;
}

function list(options: Options, name: string): string[] {
  const value = options[name];
  return Array.isArray(value) ? value : [];
}
