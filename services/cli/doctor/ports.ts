/** Whether the gateway could listen, or already does. */

import type { ListenAddress } from "../../../shared/config/gateway_settings.ts";
import type { Config } from "../../../shared/config/schema.ts";
import { sentenceOf } from "../failure.ts";
import { addressText } from "../start/first_config.ts";
import { isFree } from "../start/port.ts";
import { dialled } from "../start/ready.ts";
import type { Finding } from "./finding.ts";
import { firstLine } from "./first_line.ts";

export async function portFindings(config: Config): Promise<Finding[]> {
  const findings = await Promise.all((config.gateway?.listen ?? []).map(portFinding));
  return findings.flatMap((finding) => finding ?? []);
}

async function portFinding(address: ListenAddress): Promise<Finding | null> {
  const text = addressText(address);
  try {
    if (isFree(address)) return null;
  } catch (cause) {
    return {
      severity: "error",
      where: null,
      what: `Cannot listen on ${text}: ${sentenceOf(cause)}`,
      remedy: "give gateway.listen an address of this machine",
    };
  }
  const greeting = await firstLine(dialled(address));
  if (/sallyport/i.test(greeting ?? "")) return null;
  return {
    severity: "error",
    where: null,
    what: `Another program listens on ${text}`,
    remedy: "stop it, or give gateway.listen another port",
  };
}
