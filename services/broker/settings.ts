/** What the broker process is told, as one JSON file. */

import type { LogFormat } from "../../shared/log_record.ts";
import { Fields } from "../../shared/protocol/codec.ts";
import type { LogLevel } from "../../shared/protocol/worker.ts";
import type { BrokerIdentity } from "./broker.ts";

export interface BrokerSettings {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Ids to run as, where it was started as root. */
  uid: number;
  gid: number;
  identities: BrokerIdentity[];
  logLevel: LogLevel;
  logFormat: LogFormat | "auto";
}

const maxSettingsBytes = 1_048_576;
const maxIdentities = 10_000;
const maxSubjects = 1_000;
const maxId = 0xffff_fffe;

function readIdentity(item: unknown, path: string): BrokerIdentity {
  const fields = new Fields(item, path);
  const allow = fields.object("allow");
  return {
    publicKey: fields.string("publicKey"),
    allow: {
      publish: allow.strings("publish", maxSubjects),
      subscribe: allow.strings("subscribe", maxSubjects),
      responds: allow.boolean("responds"),
    },
  };
}

/** @throws {ProtocolError} Naming the field that is wrong */
export function readBrokerSettings(bytes: Uint8Array): BrokerSettings {
  const fields = Fields.parse(bytes, maxSettingsBytes, "settings");
  return {
    host: fields.string("host"),
    port: fields.integer("port", 0, 65_535),
    uid: fields.integer("uid", 1, maxId),
    gid: fields.integer("gid", 1, maxId),
    identities: fields.list("identities", maxIdentities, readIdentity),
    logLevel: fields.oneOf("logLevel", ["debug", "info", "warning", "error"]),
    logFormat: fields.oneOf("logFormat", ["human", "json", "auto"]),
  };
}
