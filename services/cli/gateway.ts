/** `sallyport gateway`: the SSH side. */

import { changesForRestart } from "../../shared/config/changes.ts";
import type { GatewaySettings } from "../../shared/config/gateway_settings.ts";
import { type ConfigFile, loadConfig } from "../../shared/config/load.ts";
import { toGatewaySettings } from "../../shared/config/settings.ts";
import { parentGone } from "../../shared/parent.ts";
import { runGateway } from "../gateway/main.ts";
import { ExitCode } from "./failure.ts";
import { listenOption } from "./listen_option.ts";
import { hasParent, type Options, textOption } from "./verb.ts";

export async function run(options: Options): Promise<ExitCode> {
  const file = textOption(options, "config") ?? "";
  const listen = listenOption(options);
  const settingsOf = (source: ConfigFile): GatewaySettings => {
    const settings = toGatewaySettings(source);
    return listen ? { ...settings, listen: [listen] } : settings;
  };
  const first = loadConfig(file);
  const reload = () => {
    const again = loadConfig(file);
    return { settings: settingsOf(again), forRestart: changesForRestart(first.config, again.config) };
  };
  await runGateway(settingsOf(first), reload, hasParent(options) ? parentGone() : undefined);
  return ExitCode.ok;
}
