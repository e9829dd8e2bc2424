/** Whether a NATS server answers, and whether it is recent enough. */

import { isOldServer, leastNatsServer } from "../../../shared/bus/server_version.ts";
import type { ConfigFile } from "../../../shared/config/load.ts";
import type { Finding } from "./finding.ts";
import { firstLine } from "./first_line.ts";

const defaultPort = 4222;

export async function busFindings({ config }: ConfigFile): Promise<Finding[]> {
  const findings = await Promise.all(
    config.bus.servers.map((server) => serverFinding(server, config.broker !== undefined)),
  );
  return findings.flatMap((finding) => finding ?? []);
}

async function serverFinding(server: string, embedded: boolean): Promise<Finding | null> {
  const { hostname, port } = new URL(server);
  const line = await firstLine({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || defaultPort,
  });
  if (line === null || !line.startsWith("INFO ")) {
    return embedded
      ? {
        severity: "warning",
        where: null,
        what: `The embedded broker does not run at ${server}`,
        remedy: "sallyport start runs it",
      }
      : {
        severity: "error",
        where: null,
        what: `No NATS server answers at ${server}`,
        remedy: "start it, or correct bus.servers",
      };
  }
  return embedded ? null : versionFinding(server, line);
}

/** @param info The server's first line: `INFO {json}` */
export function versionFinding(server: string, info: string): Finding | null {
  const version = /"version":"([^"]+)"/.exec(info)?.[1] ?? "unknown";
  if (!isOldServer(version)) return null;
  return {
    severity: "warning",
    where: null,
    what: `The NATS server at ${server} is of version ${version}, older than ${leastNatsServer}`,
    remedy: "bring it up to date; releases before that have known vulnerabilities",
  };
}
