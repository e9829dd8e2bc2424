/** What an address leads to, for whom: which applicants may enter by it, and where they come out. */

import type { Labels } from "../../shared/protocol/lease.ts";
import { ProblemError } from "../../shared/protocol/problems.ts";
import type { AccessPolicy, Applicant } from "./access.ts";
import type { Address, Target } from "./address.ts";
import type { Place } from "./roles.ts";
import { type Hosts, type HostState, namesText } from "./hosts.ts";

/** Where somebody comes who has proven who they are. */
export type Way =
  | { to: "account"; applicant: Applicant; target: Target }
  | { to: "command"; applicant: Applicant; command: string }
  /** Through this gateway, on to hosts. */
  | { to: "hosts"; applicant: Applicant }
  /** They may know why. */
  | { to: "nowhere"; applicant: Applicant; why: ProblemError };

/** An address as an authentication method sees it. */
export interface Entrance {
  /** `null` for somebody who may not enter here by this key. */
  byKey(keyBlob: Uint8Array): Way | null;
  /**
   * The same for whoever PAM alone shall know.
   *
   * @param method RFC 4252 name
   */
  byPam(method: string): Way | null;
}

/** @param source Numeric address of the client */
export function entranceOf(address: Address, policy: AccessPolicy, hosts: Hosts, source: string): Entrance {
  switch (address.to) {
    case "account":
      return accountEntrance(address.target, policy, placeOf(address.target.host, hosts, source));
    case "labelled":
      return labelledEntrance(address.target, address.labels, policy, hosts, source);
    case "command":
      return knownEntrance(policy, source, (applicant) => ({ ...address, applicant }));
    case "hosts":
      return knownEntrance(policy, source, (applicant) => ({ ...address, applicant }));
  }
}

/** A host that was never heard has no labels, and is nowhere that asks for one. */
function placeOf(name: string, hosts: Hosts, source: string): Place {
  return { host: hosts.lastHeard(name) ?? { labels: {} }, source };
}

function accountEntrance(target: Target, policy: AccessPolicy, place: Place): Entrance {
  const way = (applicant: Applicant | null): Way | null => applicant && { to: "account", applicant, target };
  return {
    byKey: (keyBlob) => way(policy.byKey(keyBlob, target.login, place)),
    byPam: (method) => way(policy.byPam(target.login, method, place)),
  };
}

/** The one host that has the labels, among those where the login may be had. */
function labelledEntrance(
  target: Omit<Target, "host">,
  labels: Labels,
  policy: AccessPolicy,
  hosts: Hosts,
  source: string,
): Entrance {
  const waysTo = (decide: (host: HostState) => Applicant | null): [HostState, Applicant][] =>
    hosts.all().filter((host) => hasLabels(host, labels)).flatMap((host) => {
      const applicant = decide(host);
      return applicant ? [[host, applicant]] : [];
    });
  const onlyWay = (ways: [HostState, Applicant][]): Way | null => {
    const [[host, applicant] = [], ...more] = ways;
    return host && applicant && more.length === 0
      ? { to: "account", applicant, target: { ...target, host: host.name } }
      : null;
  };
  return {
    byKey: (keyBlob) => {
      const ways = waysTo((host) => policy.byKey(keyBlob, target.login, { host, source }));
      const way = onlyWay(ways);
      if (way) return way;
      const applicant = policy.identify(keyBlob, source);
      return applicant && { to: "nowhere", applicant, why: undecided(ways.map(([{ name }]) => name)) };
    },
    byPam: (method) => onlyWay(waysTo((host) => policy.byPam(target.login, method, { host, source }))),
  };
}

function hasLabels(host: HostState, labels: Labels): boolean {
  return Object.entries(labels).every(([name, value]) =>
    Object.hasOwn(host.labels, name) && host.labels[name] === value
  );
}

function undecided(names: string[]): ProblemError {
  if (names.length === 0) return new ProblemError("no-such-labels");
  return new ProblemError("several-hosts", namesText(names));
}

/** For everybody who has a key and a role: what they may have is asked later. */
function knownEntrance(policy: AccessPolicy, source: string, way: (applicant: Applicant) => Way): Entrance {
  return {
    byKey: (keyBlob) => {
      const applicant = policy.identify(keyBlob, source);
      return applicant && way(applicant);
    },
    byPam: () => null,
  };
}
