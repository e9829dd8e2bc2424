/** Which NATS servers are fit for use. */

import type { Bus } from "./bus.ts";

/** Releases before let in who has no key (CVE-2023-47090), or have later advisories on authorization. */
export const leastNatsServer = "2.12.7";

/** Whether `version` (`2.9.10`, `2.14.0-RC.1`) is older than {@link leastNatsServer}. */
export function isOldServer(version: string): boolean {
  const numbers = (text: string) => text.split(/[.-]/).slice(0, 3).map((part) => Number.parseInt(part) || 0);
  const [have, want] = [numbers(version), numbers(leastNatsServer)];
  const differing = have.findIndex((number, index) => number !== want[index]);
  return differing >= 0 && (have[differing] ?? 0) < (want[differing] ?? 0);
}

/** How the embedded broker names itself in its INFO; it is no nats-server. */
export const brokerIdPrefix = "sallyport-";

/** Warns the operator when the bus has come up on an old server; once for each version. */
export function watchServerVersion(
  bus: Bus,
  warn: (message: string, properties: Record<string, unknown>) => void,
): void {
  const told = new Set<string>();
  const look = () => {
    const version = bus.serverVersion;
    if (version === null || told.has(version) || !isOldServer(version)) return;
    told.add(version);
    warn(
      "nats-server {version} has known vulnerabilities, one of which lets in who has no key; bring it to {least} or later",
      { version, least: leastNatsServer },
    );
  };
  bus.onState((state) => {
    if (state === "up") look();
  });
  look();
}
