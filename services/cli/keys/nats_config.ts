/** nats-server's configuration for a fleet: an nkey for each member, and what that member may say and hear. */

import { type AllowList, gatewayAllowList, hostAllowList } from "../../../shared/protocol/subjects.ts";
import type { Member } from "./members.ts";

/** What the bus has to know of a member. */
type BusMember = Pick<Member, "kind" | "name" | "nkey">;

/** PEM files on the machine of nats-server. */
export interface ServerTls {
  cert: string;
  key: string;
  /** Members must show a certificate of this authority; `null` asks for none. */
  ca: string | null;
}

/** The longest an answer to a request may be waited for: a gateway gives up after 10 s. */
const answerWithin = "30s";

/**
 * The whole file. Lists of what is allowed only: nats-server had ways around lists of what is denied (advisory 2026-18).
 *
 * @param port On every address of the machine
 */
export function natsServerConfig(
  members: BusMember[],
  { port, tls }: { port: number; tls: ServerTls | null },
): string {
  const users = members.map((member) => `    # ${member.kind} ${member.name}\n    ${userOf(member)}`);
  return [
    "# Made by `sallyport keys`, and anew with each change; nats-server -c THIS, then nats-server --signal reload.",
    `listen: "0.0.0.0:${port}"`,
    "max_payload: 1MB",
    ...(tls ? [tlsBlock(tls)] : []),
    "authorization {",
    "  users: [",
    ...users,
    "  ]",
    "}",
    "",
  ].join("\n");
}

function tlsBlock({ cert, key, ca }: ServerTls): string {
  const files = { cert_file: cert, key_file: key, ...(ca !== null && { ca_file: ca }) };
  const lines = Object.entries(files).map(([name, file]) => `  ${name}: ${JSON.stringify(file)}`);
  return ["tls {", ...lines, ...(ca === null ? [] : ["  verify: true"]), "}"].join("\n");
}

function userOf({ kind, name, nkey }: BusMember): string {
  const allow = kind === "host" ? hostAllowList(name) : gatewayAllowList(name);
  // JSON is NATS's configuration too.
  return `{ nkey: ${nkey}, permissions: ${JSON.stringify(natsPermissions(allow))} }`;
}

/** The rights of a member in nats-server's words; an empty list of what is allowed would allow everything there. */
export function natsPermissions({ publish, subscribe, responds }: AllowList): object {
  const list = (subjects: string[]) => subjects.length > 0 ? { allow: subjects } : { deny: [">"] };
  return {
    publish: list(publish),
    subscribe: list(subscribe),
    ...(responds && { allow_responses: { max: 1, expires: answerWithin } }),
  };
}
