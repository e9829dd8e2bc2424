/** The state folder of `start`: made on first use, kept ever after. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import type { ListenAddress } from "../../../shared/config/gateway_settings.ts";
import { defaultIds } from "../../../shared/config/schema.ts";
import { reasonOf } from "../../../shared/text_file.ts";
import { Failure } from "../failure.ts";
import { makeFleetKey, makeIdentity } from "../keys/fleet_key.ts";
import { isFree } from "./port.ts";
import { createOnce, exists, readOwn, writeWhole } from "../state_files.ts";
import { firstConfig } from "./first_config.ts";
import { auditorName, gatewayName, hostName } from "./names.ts";
import { makeOpensshKey } from "./openssh_key.ts";
import { installStack } from "./stack.ts";

export interface State {
  folder: string;
  /** The sallyport.yaml in it. */
  configFile: string;
  /** Private key of the first operator. */
  clientKeyFile: string;
}

const defaultStateFolder = "/var/lib/sallyport";
/** PAM's files split words at white space and give brackets a meaning (pam.conf(5)). */
const unusableInPam = /[\s[\]\\#]/;

/**
 * Makes what is missing in `folder`. Secrets are for root alone; everybody may pass through, so that pam_motd can
 * show the message of the day and the gateway's group can read the configuration again at SIGHUP.
 *
 * @param listen Written into a new configuration only
 * @throws {Failure}
 */
export function openState(folder: string, listen: ListenAddress): State {
  if (unusableInPam.test(folder)) {
    throw new Failure(
      `Cannot use ${folder} as state folder: PAM's files allow no white space, brackets, \\ or # in it`,
    );
  }
  makeFolder(folder);
  makeFleetKey(folder);
  makeIdentity(folder, "gateway", gatewayName, "gateway.identity");
  makeIdentity(folder, "host", hostName, "host.identity");
  makeBusIdentities(folder);
  makeOpensshKey(join(folder, "ssh_host_ed25519_key"), "sallyport");
  const clientKeyFile = join(folder, "id_ed25519");
  makeOpensshKey(clientKeyFile, "operator");
  installStack(folder, runDirectoryOf(folder));
  const configFile = join(folder, "sallyport.yaml");
  const isNew = !exists(configFile);
  createOnce(configFile, 0o640, () =>
    firstConfig({
      listen,
      broker: { hostname: "127.0.0.1", port: brokerPort() },
      runDirectory: runDirectoryOf(folder),
      operatorKey: readOwn(`${clientKeyFile}.pub`).trim(),
    }));
  if (isNew) Deno.chownSync(configFile, 0, defaultIds.gateway);
  return { folder, configFile, clientKeyFile };
}

/** NATS's own port, or one of the system's choice where something else has it. */
function brokerPort(): number {
  const usual = 4222;
  if (isFree({ hostname: "127.0.0.1", port: usual })) return usual;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Two state folders on one machine must not share a journal. */
function runDirectoryOf(folder: string): string {
  if (folder === defaultStateFolder) return "/run/sallyport";
  return `/run/sallyport-${createHash("sha256").update(folder).digest("hex").slice(0, 8)}`;
}

function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = Deno.statSync(folder);
    if (uid !== 0 || ((mode ?? 0) & 0o022) !== 0) {
      throw new Failure(
        `Cannot use ${folder} as state folder: it must belong to root and be writable by nobody else`,
      );
    }
    Deno.chmodSync(folder, 0o711);
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(`Cannot use ${folder} as state folder: ${reasonOf(cause)}`);
  }
}

/** One key per process that dials the bus, and the broker's list of them. */
function makeBusIdentities(folder: string): void {
  createOnce(join(folder, "broker.identities"), 0o600, () => {
    const names = { gateway: gatewayName, host: hostName, auditor: auditorName } as const;
    const identities = Object.entries(names).map(([kind, name]) => {
      const { seed, publicKey } = createNkey();
      writeWhole(join(folder, `${kind}.nkey`), 0o600, `${seed}\n`);
      return { kind, name, publicKey };
    });
    return `${JSON.stringify(identities, null, 2)}\n`;
  });
}
