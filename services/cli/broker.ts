/** `sallyport broker`: checks the configuration and the list of identities, then becomes the embedded broker. */

import { loadConfig } from "../../shared/config/load.ts";
import { runDirectoryOf, toBrokerConfig } from "../../shared/config/settings.ts";
import { Fields, ProtocolError } from "../../shared/protocol/codec.ts";
import { isName } from "../../shared/protocol/names.ts";
import {
  type AllowList,
  auditorAllowList,
  gatewayAllowList,
  hostAllowList,
} from "../../shared/protocol/subjects.ts";
import { isPublicNkey } from "../broker/nkeys.ts";
import type { BrokerSettings } from "../broker/settings.ts";
import { become } from "./become.ts";
import { type ExitCode, Failure, mustBeRoot } from "./failure.ts";
import { readOwn } from "./state_files.ts";
import { hasParent, type Options, textOption } from "./verb.ts";

const maxIdentities = 10_000;
const maxFileBytes = 1_048_576;
const allowLists: Record<"gateway" | "host" | "auditor", (name: string) => AllowList> = {
  gateway: gatewayAllowList,
  host: hostAllowList,
  auditor: auditorAllowList,
};

// deno-lint-ignore require-await -- every verb returns a promise
export async function run(options: Options): Promise<ExitCode> {
  mustBeRoot("run the broker");
  const file = textOption(options, "config") ?? "";
  const source = loadConfig(file);
  const { hostname, port, uid, gid, identitiesFile } = toBrokerConfig(source);
  const settings: BrokerSettings = {
    host: hostname,
    port,
    uid,
    gid,
    identities: readIdentities(identitiesFile),
    logLevel: source.config.log.level,
    logFormat: source.config.log.format,
  };
  return become(
    { permissions: "broker", entry: "services/broker/main.ts", withParent: hasParent(options) },
    { folder: runDirectoryOf(source), name: "broker.json", value: settings },
  );
}

/** Reads `[{kind, name, publicKey}]` and gives each the subjects of its kind. @throws {Failure} */
export function readIdentities(file: string): BrokerSettings["identities"] {
  try {
    const list = new TextEncoder().encode(`{"identities":${readOwn(file)}}`);
    return Fields.parse(list, maxFileBytes, file).list("identities", maxIdentities, (item, path) => {
      const fields = new Fields(item, path);
      const kind = fields.oneOf("kind", ["gateway", "host", "auditor"]);
      const name = fields.matching("name", isName, "a name of letters, digits, - and _");
      return {
        publicKey: fields.matching("publicKey", isPublicNkey, "a public nkey, which starts with U"),
        allow: allowLists[kind](name),
      };
    });
  } catch (cause) {
    if (cause instanceof ProtocolError) {
      throw new Failure(
        `${cause.message}; correct it; where sallyport start made it, remove it, and it is made again`,
      );
    }
    throw cause;
  }
}
