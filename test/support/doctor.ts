/** Running `doctor` against a product that a test has started. */

import { run } from "./command.ts";

const main = new URL("../../services/main.ts", import.meta.url).pathname;

export interface Diagnosis {
  code: number;
  text: string;
}

/** @throws If it says anything on stderr */
export async function doctor(state: string, ...args: string[]): Promise<Diagnosis> {
  const { code, stdout, stderr } = await run(doctorArgv(state, args));
  if (stderr !== "") throw new Error(`The doctor ended with ${code} and said: ${stderr}`);
  return { code, text: stdout };
}

/** The command line of the doctor, for a test that does not wait for its end. */
export function doctorArgv(state: string, args: string[]): [string, ...string[]] {
  const config = args.includes("--config") ? [] : ["--config", `${state}/sallyport.yaml`];
  return [Deno.execPath(), "run", "-A", main, "doctor", ...config, ...args];
}

/** A configuration that knows the gateway and the bus alone, as on a machine that is no host. @returns Its file */
export async function gatewayOnly(state: string): Promise<string> {
  const config = JSON.parse(await Deno.readTextFile(`${state}/sallyport.yaml`));
  delete config.host;
  const file = `${state}/gateway-only.yaml`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  return file;
}
