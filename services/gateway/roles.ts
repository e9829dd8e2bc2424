/** Roles: whom they let in where, and how those of one person are put together. Pure. */

import { BlockList, isIPv6 } from "node:net";
import type { Grant, Labels } from "../../shared/protocol/lease.ts";
import { coversLogin, matchesPattern } from "../../shared/protocol/pattern.ts";

/** What a role says of hosts: a label's name, and the values it may have, exact or patterns; `*: ["*"]` is every host. */
export type HostLabels = Record<string, string[]>;

export interface Role {
  /** Exact logins, or patterns with `*` and `?`; a pattern never matches root. */
  logins: string[];
  /** Every label must have one of its values. */
  hostLabels: HostLabels;
  /** Networks as `192.0.2.0/24` the client must come from; none: from anywhere. */
  sourceAddresses: string[];
  /** Wins over what any role of the person allows. */
  deny: {
    /** Here a pattern matches root as well. */
    logins: string[];
    hostLabels: HostLabels;
    commands: string[];
  };
  /** Commands of the gateway (`ssh +hosts@gateway`). */
  commands: string[];
  /** Session channels of one connection; 0 is no limit of this role's. */
  maxSessions: number;
  /** Milliseconds; 0 is no limit. */
  clientIdleTimeout: number;
  maxSessionTtl: number;
  forwarding: Grant["forwarding"];
  record: Grant["record"];
}

/** Where somebody wants to go, and where they come from. */
export interface Place {
  host: { labels: Labels };
  /** Numeric address of the client. */
  source: string;
}

const records: Grant["record"][] = ["off", "best_effort", "strict"];

/** The roles of one person. */
export class RoleSet {
  readonly #roles: readonly Role[];

  constructor(roles: readonly Role[]) {
    this.#roles = roles;
  }

  /** Whether `login` may be had at `place`. */
  allows(login: string, place: Place): boolean {
    const { logins, deniedLogins } = this.loginsAt(place);
    return logins.some((entry) => coversLogin(entry, login)) &&
      !deniedLogins.some((entry) => matchesPattern(entry, login));
  }

  /** What may be had at `place`, and what may not although a pattern covers it. */
  loginsAt(place: Place): { logins: string[]; deniedLogins: string[] } {
    const deniedLogins = [...new Set(this.#roles.flatMap(({ deny }) => deny.logins))];
    const logins = this.#appliedAt(place).flatMap(({ logins }) => logins);
    return { logins: [...new Set(logins)], deniedLogins };
  }

  /** Whether some login may be had at `place`. */
  reaches(place: Place): boolean {
    const { logins, deniedLogins } = this.loginsAt(place);
    // A pattern that is denied as a whole leaves nothing of itself.
    return logins.some((entry) => !deniedLogins.some((denied) => matchesPattern(denied, entry)));
  }

  allowsCommand(command: string, source: string): boolean {
    const names = this.#roles.filter((role) => comesFrom(role, source)).flatMap(({ commands }) => commands);
    const denied = this.#roles.flatMap(({ deny }) => deny.commands);
    const covers = (entry: string) => matchesPattern(entry, command);
    return names.some(covers) && !denied.some(covers);
  }

  /** What limits counts from every role, the strictest; what allows, from those that apply at `place`, together. */
  grantAt(place: Place): Grant {
    const least = (pick: (role: Role) => number) =>
      Math.min(...this.#roles.map(pick).map((limit) => limit || Infinity));
    const limit = (pick: (role: Role) => number) => Number.isFinite(least(pick)) ? least(pick) : 0;
    return {
      maxSessions: limit(({ maxSessions }) => maxSessions),
      idleTimeoutMs: limit(({ clientIdleTimeout }) => clientIdleTimeout),
      ttlMs: limit(({ maxSessionTtl }) => maxSessionTtl),
      forwarding: [...new Set(this.#appliedAt(place).flatMap(({ forwarding }) => forwarding))].sort(),
      record: records[Math.max(0, ...this.#roles.map(({ record }) => records.indexOf(record)))]!,
    };
  }

  /** None, where any role denies the host. */
  #appliedAt({ host: { labels }, source }: Place): Role[] {
    if (this.#roles.some(({ deny }) => isDenied(deny.hostLabels, labels))) return [];
    return this.#roles.filter((role) => comesFrom(role, source) && hasLabels(role.hostLabels, labels));
  }
}

/** An empty map denies no host, but asks nothing of one where it allows. */
function isDenied(wanted: HostLabels, labels: Labels): boolean {
  return Object.keys(wanted).length > 0 && hasLabels(wanted, labels);
}

function hasLabels(wanted: HostLabels, labels: Labels): boolean {
  return Object.entries(wanted).every(([name, values]) => {
    if (name === "*") return values.includes("*");
    const value = Object.hasOwn(labels, name) ? labels[name]! : null;
    return value !== null && values.some((pattern) => matchesPattern(pattern, value));
  });
}

function comesFrom({ sourceAddresses }: Role, source: string): boolean {
  if (sourceAddresses.length === 0) return true;
  const networks = new BlockList();
  for (const network of sourceAddresses) {
    const [address = "", length] = network.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    networks.addSubnet(address, Number(length ?? (family === "ipv6" ? 128 : 32)), family);
  }
  // An interface's name may follow a link-local address.
  const [numeric = ""] = source.split("%");
  return networks.check(numeric, isIPv6(numeric) ? "ipv6" : "ipv4");
}
