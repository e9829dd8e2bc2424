/**
 * What compose.yaml runs first: keys and configuration for its fleet, below /fleet, unless they are there. Each member's
 * folder is a volume of its own, and all that its container sees; fleet.key stays in this one's.
 */

import { writeFiles } from "../fleet/configuration.ts";
import type { Party } from "../fleet/fleet.ts";

/** As compose.yaml names them. */
const parties: Party[] = [
  { kind: "gateway", name: "gateway-1" },
  ...["host-1", "host-2", "host-3"].map((name): Party => ({ kind: "host", name })),
];
const folder = "/fleet";
/** The volume that nats-server reads. */
const busFolder = "/bus";

if (import.meta.main) {
  const { busConfigFile, keyFile } = writeFiles({ folder, parties, busAddress: "nats", config: () => ({}) });
  Deno.copyFileSync(busConfigFile, `${busFolder}/nats-server.conf`);
  console.log(
    `The fleet's files are there. Copy ${keyFile} out of this container; it is the operator's key.`,
  );
}
