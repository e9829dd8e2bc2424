/** What the gateway needs to know, from the checked config; all of it is read before privileges are dropped. Times in milliseconds. */

import type { Forwarding, Recording } from "../protocol/lease.ts";
import type { CertificateLine } from "./certificates.ts";
import type { MemberSettings } from "./host_settings.ts";

export interface GatewaySettings extends MemberSettings {
  listen: ListenAddress[];
  /** SSH host keys, OpenSSH format. */
  hostKeyFiles: string[];
  /** The host meant by `ssh login@gateway`. */
  defaultHost: string | null;
  /** By which it may answer for hosts, as far as they were given to it. */
  hostCertificates: CertificateLine[];
  /** Unprivileged numeric ids. */
  uid: number;
  gid: number;
  /** An SSH connection must have authenticated by then; 0 means no limit. */
  loginGraceMs: number;
  /** Ways in, each a list of RFC 4252 methods; what is not `publickey` is PAM on the host. */
  authenticationMethods: string[][];
  maxAuthTries: number;
  maxStartups: MaxStartups;
  /** Open session channels per SSH connection. */
  maxSessions: number;
  /** 0 means no probing. */
  clientAliveIntervalMs: number;
  clientAliveCountMax: number;
  /** How long connections may go on after SIGTERM. */
  drainTimeoutMs: number;
  /** Text shown before authentication, or null. */
  banner: string | null;
  users: UserSettings[];
  roles: Record<string, RoleSettings>;
  /** Roles of those who prove themselves to PAM alone, by login or pattern. */
  pamLogins: Record<string, string[]>;
}

export interface ListenAddress {
  hostname: string;
  port: number;
}

/** sshd's MaxStartups: from `start` unauthenticated connections on, refuse `rate` per cent, rising to all at `full`. */
export interface MaxStartups {
  start: number;
  rate: number;
  full: number;
}

export interface UserSettings {
  name: string;
  /** Lines as in authorized_keys. */
  keys: string[];
  roles: string[];
  traits: Record<string, string[]>;
}

/** What a role allows, denies and limits; services/gateway/roles.ts says what it means. Times in milliseconds. */
export interface RoleSettings {
  logins: string[];
  hostLabels: Record<string, string[]>;
  sourceAddresses: string[];
  deny: { logins: string[]; hostLabels: Record<string, string[]>; commands: string[] };
  commands: string[];
  maxSessions: number;
  clientIdleTimeout: number;
  maxSessionTtl: number;
  forwarding: Forwarding[];
  record: Recording;
}
