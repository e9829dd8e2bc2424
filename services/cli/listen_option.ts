/** The `--listen` option of `start` and `gateway`. */

import type { ListenAddress } from "../../shared/config/gateway_settings.ts";
import { listenAddress, refused } from "../../shared/config/values.ts";
import { ExitCode, Failure } from "./failure.ts";
import { type Options, textOption } from "./verb.ts";

/** @throws {Failure} When it is given and is no address */
export function listenOption(options: Options): ListenAddress | undefined {
  const text = textOption(options, "listen");
  if (text === undefined) return undefined;
  const address = listenAddress.parse(text);
  if (address !== refused) return address;
  throw new Failure(`Cannot use --listen ${text}: it must be ${listenAddress.accepts}`, ExitCode.usage);
}
