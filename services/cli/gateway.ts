/** `sallyport gateway`: the SSH side. */

import { loadConfig } from "../../shared/config/load.ts";
import type { GatewaySettings } from "../../shared/config/gateway_settings.ts";
import { toGatewaySettings } from "../../shared/config/settings.ts";
import { parentGone } from "../../shared/parent.ts";
import { runGateway } from "../gateway/main.ts";
import { ExitCode } from "./failure.ts";
import { listenOption } from "./listen_option.ts";
import { hasParent, type Options, textOption } from "./verb.ts";

export async function run(options: Options): Promise<ExitCode> {
  const file = textOption(options, "config") ?? "";
  const listen = listenOption(options);
  const read = (): GatewaySettings => {
    const settings = toGatewaySettings(loadConfig(file));
    return listen ? { ...settings, listen: [listen] } : settings;
  };
  await runGateway(read(), read, hasParent(options) ? parentGone() : undefined);
  return ExitCode.ok;
}
