/** `sallyport doctor`: what is missing or wrong, and what to do about it. */

import { machineFindings } from "./doctor/machine.ts";
import { report } from "./doctor/report.ts";
import { ExitCode } from "./failure.ts";

// deno-lint-ignore require-await -- every verb returns a promise
export async function run(): Promise<ExitCode> {
  const findings = machineFindings();
  console.log(report(findings));
  return findings.some(({ severity }) => severity === "error") ? ExitCode.no : ExitCode.ok;
}
