/**
 * A dry run on another host: a lease of this machine's gateway that lets nobody in. It may run beside the gateway, which
 * it does not disturb; where there is none, the host gives up after a while (`heartbeatTimeoutMs`).
 */

import { connectBus } from "../../../../shared/bus/nats.ts";
import type { ConfigFile } from "../../../../shared/config/load.ts";
import { toGatewaySettings } from "../../../../shared/config/settings.ts";
import type { Labels } from "../../../../shared/protocol/lease.ts";
import { ProblemError, problems } from "../../../../shared/protocol/problems.ts";
import { loadFleetTrust } from "../../../../shared/trust/files.ts";
import { readIdentity } from "../../../../shared/trust/identity.ts";
import { Hosts } from "../../../gateway/hosts.ts";
import { Leases } from "../../../gateway/leases.ts";
import { ExitCode, Failure, sentenceOf } from "../../failure.ts";
import type { Admission } from "./applicant.ts";
import type { Trial } from "./mod.ts";
import { Printer } from "./printer.ts";

/** @throws {Failure} When the host cannot be asked */
export async function tryThere(
  source: ConfigFile,
  { login, address, withSession }: Trial,
  host: string,
  admit: (labels: Labels) => Admission | null,
): Promise<ExitCode> {
  const gateway = toGatewaySettings(source);
  const { name, identityFile, sessionTimeoutMs, bus: settings } = gateway;
  const identity = readIdentity(Deno.readTextFileSync(identityFile));
  const trust = loadFleetTrust(gateway);
  // What goes wrong later ends the lease, which says so.
  const bus = await connectBus({ settings, name, onError: () => {} }).catch((cause) => {
    throw new Failure(sentenceOf(cause), undefined, { cause });
  });
  try {
    using hosts = new Hosts(bus, trust);
    using leases = new Leases({ bus, name, identity, trust, hosts, sessionTimeoutMs, guestOn: host });
    const state = await hosts.find(host);
    if (!state) throw new Failure(`${host}: ${problems["host-unknown"]} ${heardOf(hosts.names)}`);
    const admission = admit(state.labels);
    if (!admission) return ExitCode.no;
    const printer = new Printer();
    const { promise: tried, resolve } = Promise.withResolvers<void>();
    const lease = await leases.open({
      target: { login, host },
      applicant: admission.applicant,
      pamAuth: admission.pamAuth,
      client: { address, port: 0, serverAddress: address, serverPort: 0 },
      dryRun: {
        withSession,
        onFound: (found) => {
          printer.found(found);
          if (found.type === "lease.tried") resolve();
        },
      },
    }).catch((cause) => {
      if (!(cause instanceof ProblemError)) throw cause;
      throw new Failure(`${host}: ${cause.message}`, undefined, { cause });
    });
    const end = await Promise.race([tried, lease.ended]);
    if (end) {
      printer.brokenOff(new ProblemError(end.problem, end.text || undefined).message.replace(/\.$/, ""));
    }
    return printer.exitCode;
  } finally {
    await bus.close();
  }
}

/** To be compared with the name that was given. */
function heardOf(names: string[]): string {
  return names.length === 0 ? "No host is heard on the bus." : `Hosts heard: ${names.join(", ")}.`;
}
