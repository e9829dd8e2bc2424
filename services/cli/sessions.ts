/** `sallyport sessions [gateway]`: one's own sessions on terminals. A thin client of `ssh +sessions@gateway`. */

import type { ExitCode } from "./failure.ts";
import { askGateway } from "./ask_gateway.ts";
import type { Options } from "./verb.ts";

export function run(options: Options, gateway?: string): Promise<ExitCode> {
  return askGateway("sessions", options.json === true ? ["json"] : [], options, gateway);
}
