/** Who belongs to the fleet, as the folder with the fleet key remembers it: public keys only. */

import { join } from "node:path";
import { Fields } from "../../../shared/protocol/codec.ts";
import { isName } from "../../../shared/protocol/names.ts";
import { type IdentityKind, identityKinds } from "../../../shared/trust/identity.ts";
import { reasonOf } from "../../../shared/text_file.ts";
import { Failure } from "../failure.ts";
import { exists, readOwn, writeWhole } from "../state_files.ts";
import type { ServerTls } from "./nats_config.ts";

export interface Member {
  kind: IdentityKind;
  name: string;
  /** Public key of its identity, raw Ed25519, base64. */
  publicKey: string;
  /** Its public nkey on the bus, `U…`. */
  nkey: string;
}

/** What `sallyport keys` has been told. */
export interface FleetRecord {
  /** NATS URLs that members dial. */
  bus: string[];
  /** What nats-server shows and asks for, or `null` without TLS. */
  tls: ServerTls | null;
  members: Member[];
}

const maxBytes = 16 * 1024 * 1024;
const maxMembers = 100_000;

function fileOf(folder: string): string {
  return join(folder, "fleet.json");
}

/** @throws {Failure} When there is none, or it is damaged */
export function readFleet(folder: string): FleetRecord {
  const file = fileOf(folder);
  if (!exists(file)) throw new Failure(`There is no fleet in ${folder}: make one with sallyport keys init`);
  try {
    const fields = Fields.parse(new TextEncoder().encode(readOwn(file)), maxBytes, file);
    return {
      bus: fields.strings("bus", 64),
      tls: fields.isNull("tls") ? null : readTls(fields.object("tls")),
      members: fields.list("members", maxMembers, (item, path) => {
        const member = new Fields(item, path);
        return {
          kind: member.oneOf("kind", identityKinds),
          name: member.matching("name", isName, "a name"),
          publicKey: member.string("publicKey", 64),
          nkey: member.matching("nkey", (text) => /^U[A-Z2-7]{55}$/.test(text), "a public nkey"),
        };
      }),
    };
  } catch (cause) {
    throw new Failure(`Cannot use ${file}: ${reasonOf(cause)}; put it back from a copy`);
  }
}

function readTls(fields: Fields): ServerTls {
  const ca = fields.isNull("ca") ? null : fields.string("ca");
  return { cert: fields.string("cert"), key: fields.string("key"), ca };
}

export function writeFleet(folder: string, fleet: FleetRecord): void {
  writeWhole(fileOf(folder), 0o644, `${JSON.stringify(fleet, null, 2)}\n`);
}

export function hasFleet(folder: string): boolean {
  return exists(fileOf(folder));
}
