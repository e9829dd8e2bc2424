/** The access policy: who holds which key, and what their roles allow. Pure, and denies unless a rule allows. */

import { createHash } from "node:crypto";
import type { Grant, Labels } from "../../shared/protocol/lease.ts";
import { coversLogin } from "../../shared/protocol/pattern.ts";
import { type Place, type Role, RoleSet } from "./roles.ts";

/** A person as the configuration knows them. `keys` are lines as in authorized_keys. */
export interface User {
  name: string;
  keys: string[];
  roles: string[];
  /** Facts about the person, for PAM's environment. */
  traits: Record<string, string[]>;
}

/** Somebody who proved who they are, and may have the login they asked for. */
export interface Applicant {
  user: string;
  roles: string[];
  /** Everything the roles allow, exact or patterns: a PAM module that changes the login may choose among them. */
  logins: string[];
  /** Patterns of what they may not have all the same. */
  deniedLogins: string[];
  grant: Grant;
  /** What the host said of itself when its roles were asked: all of this holds for no other labels. */
  labels: Labels;
  traits: Record<string, string[]>;
  /** RFC 4252 method name. */
  method: string;
  /** `SHA256:…` of the key as ssh-keygen prints it; empty for other methods. */
  fingerprint: string;
}

/** Fingerprint of a public key blob as OpenSSH prints it. */
export function fingerprint(keyBlob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(keyBlob).digest("base64").replace(/=+$/, "")}`;
}

/**
 * The base64 blob of an authorized_keys line. A line with options in front gives none: honouring a key while
 * ignoring its `restrict` or `command=` would fail open.
 */
function blobOf(line: string): string | null {
  const [type, blob] = line.trim().split(/\s+/);
  return type && blob && /^(ssh-|ecdsa-|sk-)/.test(type) ? blob : null;
}

export class AccessPolicy {
  readonly #users: User[];
  readonly #roles: Record<string, Role>;
  /** Roles by login or pattern. */
  readonly #pamLogins: Record<string, string[]>;
  /** Users by the base64 blob of each of their keys. */
  readonly #holders = new Map<string, User[]>();

  /** @param pamLogins Roles of those who prove themselves to PAM alone, by login or pattern */
  constructor(users: User[], roles: Record<string, Role>, pamLogins: Record<string, string[]> = {}) {
    this.#users = users;
    this.#roles = roles;
    this.#pamLogins = pamLogins;
    for (const user of users) {
      for (const line of user.keys) {
        const blob = blobOf(line);
        if (blob === null) continue;
        const holders = this.#holders.get(blob);
        if (holders) holders.push(user);
        else this.#holders.set(blob, [user]);
      }
    }
  }

  /** Who the holder of this public key is when they ask for `login` at `place`; `null` means denied. */
  byKey(keyBlob: Uint8Array, login: string, place: Place): Applicant | null {
    const user = this.#holdersOf(keyBlob).find(({ roles }) => this.#setOf(roles).allows(login, place));
    return user ? this.#keyHolder(user, fingerprint(keyBlob), place) : null;
  }

  /** Who the holder of this key is, whatever they may have; `null` for a key nobody holds, or somebody without a role. */
  identify(keyBlob: Uint8Array, source: string): Applicant | null {
    const user = this.#holdersOf(keyBlob).find(({ roles }) =>
      roles.some((name) => Object.hasOwn(this.#roles, name))
    );
    return user ? this.#keyHolder(user, fingerprint(keyBlob), { host: { labels: {} }, source }) : null;
  }

  /** Whether `applicant` may have some login at `place`. */
  reaches({ roles }: Pick<Applicant, "roles">, place: Place): boolean {
    return this.#setOf(roles).reaches(place);
  }

  /** Whether `applicant`, at the address `source`, may run a command of the gateway. */
  allowsCommand({ roles }: Pick<Applicant, "roles">, command: string, source: string): boolean {
    return this.#setOf(roles).allowsCommand(command, source);
  }

  /** Everybody who may have `login` at `place`, as if they had shown a key. */
  keyHolders(login: string, place: Place): Applicant[] {
    return this.#users.filter(({ roles }) => this.#setOf(roles).allows(login, place))
      .map((user) => this.#keyHolder(user, "", place));
  }

  #holdersOf(keyBlob: Uint8Array): User[] {
    return this.#holders.get(keyBlob.toBase64()) ?? [];
  }

  #keyHolder({ name, roles, traits }: User, fingerprint: string, place: Place): Applicant {
    return { user: name, traits, method: "publickey", fingerprint, ...this.#decided(roles, place) };
  }

  /**
   * Who somebody is whom PAM alone shall know as `login` at `place`; `null` means denied. An entry of exactly this login
   * counts before patterns; of these the first.
   *
   * @param method RFC 4252 name
   */
  byPam(login: string, method: string, place: Place): Applicant | null {
    const entries = Object.entries(this.#pamLogins);
    const [, roles] = entries.find(([entry]) => entry === login) ??
      entries.find(([entry]) => coversLogin(entry, login)) ?? [];
    if (!roles || !this.#setOf(roles).allows(login, place)) return null;
    return { user: login, traits: {}, method, fingerprint: "", ...this.#decided(roles, place) };
  }

  #decided(
    roles: string[],
    place: Place,
  ): Pick<Applicant, "roles" | "logins" | "deniedLogins" | "grant" | "labels"> {
    const set = this.#setOf(roles);
    return { roles, ...set.loginsAt(place), grant: set.grantAt(place), labels: place.host.labels };
  }

  #setOf(names: string[]): RoleSet {
    return new RoleSet(names.flatMap((name) => Object.hasOwn(this.#roles, name) ? [this.#roles[name]!] : []));
  }
}
