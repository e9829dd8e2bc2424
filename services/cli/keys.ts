/** `sallyport keys init|issue`: the fleet key, which can live offline, and identities signed by it. */

import { join } from "node:path";
import { createFleetKey, identityKinds, issueIdentity, trustText } from "../../shared/trust/identity.ts";
import { isName } from "../../shared/protocol/names.ts";
import { ExitCode, Failure } from "./failure.ts";
import { createOnce, makeFolder, readOwn } from "./state_files.ts";
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

/** Fleet key and trust file, unless there is a trust file: its key may have been taken offline, and is not replaced. */
export function makeFleetKey(folder: string): void {
  makeFolder(folder);
  if (exists(join(folder, "trust"))) return;
  createOnce(join(folder, "fleet.key"), 0o600, () => {
    const { secret, publicKey } = createFleetKey();
    createOnce(join(folder, "trust"), 0o644, () => trustText(publicKey));
    return secret;
  });
}

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
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
