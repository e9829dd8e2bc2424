/** The access policy: who holds which key, and which logins their roles allow. Pure, and denies unless a rule allows. */

import { createHash } from "node:crypto";
import type { Labels } from "../../shared/protocol/lease.ts";
import { coversLogin } from "../../shared/protocol/pattern.ts";

/** A person as the configuration knows them. `keys` are lines as in authorized_keys. */
export interface User {
  name: string;
  keys: string[];
  roles: string[];
  /** Facts about the person, for PAM's environment. */
  traits: Record<string, string[]>;
}

export interface Role {
  /** Exact logins, or patterns with `*` and `?`; a pattern never matches root. */
  logins: string[];
}

/** Somebody who proved who they are, and may have the login they asked for. */
export interface Applicant {
  user: string;
  roles: string[];
  /** Everything the roles allow, exact or patterns: a PAM module that changes the login may choose among them. */
  logins: string[];
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

  /** Who the holder of this public key is when they ask for `login`; `null` means denied. */
  byKey(keyBlob: Uint8Array, login: string): Applicant | null {
    const holders = this.#holders.get(keyBlob.toBase64()) ?? [];
    const user = holders.find((holder) => this.#allows(holder, login));
    return user ? this.#keyHolder(user, fingerprint(keyBlob)) : null;
  }

  /** Who the holder of this key is, whatever they may have; `null` for a key nobody holds, or somebody without a role. */
  identify(keyBlob: Uint8Array): Applicant | null {
    const user = this.#holders.get(keyBlob.toBase64())?.find(({ roles }) => this.#loginsOf(roles).length > 0);
    return user ? this.#keyHolder(user, fingerprint(keyBlob)) : null;
  }

  /** Whether `applicant` may have some login on a host. */
  reaches({ logins }: Applicant, _host: { name: string; labels: Labels }): boolean {
    return logins.length > 0;
  }

  /** Whether `applicant` may run a command of the gateway. */
  allowsCommand(_applicant: Applicant, _command: string): boolean {
    return true;
  }

  /** Everybody who may have `login`, as if they had shown a key. */
  keyHolders(login: string): Applicant[] {
    return this.#users.filter((user) => this.#allows(user, login)).map((user) => this.#keyHolder(user, ""));
  }

  #keyHolder({ name, roles, traits }: User, fingerprint: string): Applicant {
    return { user: name, roles, logins: this.#loginsOf(roles), traits, method: "publickey", fingerprint };
  }

  /**
   * Who somebody is whom PAM alone shall know as `login`; `null` means denied. An entry of exactly this login counts
   * before patterns; of these the first.
   *
   * @param method RFC 4252 name
   */
  byPam(login: string, method: string): Applicant | null {
    const entries = Object.entries(this.#pamLogins);
    const [, roles] = entries.find(([entry]) => entry === login) ??
      entries.find(([entry]) => coversLogin(entry, login)) ?? [];
    if (!roles || !this.#allows({ roles }, login)) return null;
    return { user: login, roles, logins: this.#loginsOf(roles), traits: {}, method, fingerprint: "" };
  }

  #allows({ roles }: Pick<User, "roles">, login: string): boolean {
    return this.#loginsOf(roles).some((entry) => coversLogin(entry, login));
  }

  #loginsOf(roles: string[]): string[] {
    const logins = roles.flatMap((name) => Object.hasOwn(this.#roles, name) ? this.#roles[name]!.logins : []);
    return [...new Set(logins)];
  }
}
