/** `sallyport keys init|issue`: the fleet key, which can live offline, and identities signed by it. */

import { join } from "node:path";
import {
  createFleetKey,
  fleetPublicKey,
  identityKinds,
  issueIdentity,
  trustText,
} from "../../shared/trust/identity.ts";
import { isName } from "../../shared/protocol/names.ts";
import { ExitCode, Failure } from "./failure.ts";
import { createOnce, exists, makeFolder, readOwn } from "./state_files.ts";
import { type Options, textOption } from "./verb.ts";

// deno-lint-ignore require-await -- every verb returns a promise
export async function run(options: Options, action = ""): Promise<ExitCode> {
  const folder = textOption(options, "state") ?? "";
  if (action === "init") {
    makeFleetKey(folder);
    console.log(
      `${join(folder, "fleet.key")} signs identities: keep it offline. ${
        join(folder, "trust")
      } goes to every machine.`,
    );
    return ExitCode.ok;
  }
  if (action === "issue") {
    const kind = identityKinds.find((known) => known === options.kind);
    const name = textOption(options, "name") ?? "";
    if (kind === undefined || !isName(name)) {
      throw new Failure(
        "Give --kind gateway or --kind host, and --name with letters, digits, - and _",
        ExitCode.usage,
      );
    }
    console.log(makeIdentity(folder, kind, name, `${name}.${kind}.identity`));
    return ExitCode.ok;
  }
  throw new Failure(`Cannot do "${action}" with keys: the actions are init and issue`, ExitCode.usage);
}

/**
 * Fleet key and trust file, unless there is a trust file: its key may have been taken offline, and is not replaced. The
 * key is written first, so that one who is interrupted in between goes on from it.
 */
export function makeFleetKey(folder: string): void {
  makeFolder(folder);
  const trust = join(folder, "trust");
  if (exists(trust)) return;
  const key = join(folder, "fleet.key");
  createOnce(key, 0o600, () => createFleetKey().secret);
  createOnce(trust, 0o644, () => trustText(fleetPublicKey(readOwn(key))));
}

/** An identity file signed by the folder's fleet key, unless it is there. */
export function makeIdentity(
  folder: string,
  kind: "gateway" | "host",
  name: string,
  fileName: string,
): string {
  const file = join(folder, fileName);
  createOnce(file, 0o600, () => issueIdentity(readOwn(join(folder, "fleet.key")), kind, name));
  return file;
}
