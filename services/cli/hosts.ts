/** `sallyport hosts [gateway]`: the hosts one may log in to, as a gateway lists them. A thin client of `ssh +hosts@gateway`. */

import type { ExitCode } from "./failure.ts";
import { askGateway } from "./ask_gateway.ts";
import type { Options } from "./verb.ts";

export function run(options: Options, gateway?: string): Promise<ExitCode> {
  const words = ["json", "watch"].filter((name) => options[name] === true);
  return askGateway("hosts", words, options, gateway);
}
