/** Opening a lease: the signed bodies that cross the bus, and what the gateway learned about the applicant. */

import { Fields, ProtocolError } from "./codec.ts";
import { maxEnvelopeBytes, maxGrantMs, maxLabels, maxSessionId } from "./limits.ts";
import { isLabelName, isLabelValue, isLeaseId, isLogin, isName } from "./names.ts";

/** AEAD suites of a lease, best first. */
export const suites = ["aes-256-gcm", "chacha20-poly1305"] as const;
export type Suite = typeof suites[number];

/** Suites to offer: Deno's own AES-GCM is slow, so that one only where libcrypto does it. */
export function suitesWith(libcrypto: boolean): Suite[] {
  return suites.filter((suite) => libcrypto || suite !== "aes-256-gcm");
}

/** Where the SSH client connects from, as the gateway's socket saw it. */
export interface ClientAddress {
  /** Numeric IPv4 or IPv6 address and TCP port of the client. */
  address: string;
  port: number;
  /** Numeric address and port of the gateway it connected to. */
  serverAddress: string;
  serverPort: number;
}

/**
 * What the gateway asks of the host's PAM auth stack: to be the `alone` proof of who is there, to be asked `also`
 * beside the gateway's own proof, or what the `host-decides`.
 */
export const pamAuths = ["alone", "also", "host-decides"] as const;
export type PamAuth = typeof pamAuths[number];

/**
 * A `login`; or to `attach` to a session of before; or the list of one's own `sessions`; or only what PAM would say to a
 * login: up to the account, or through the session as well.
 */
export const purposes = ["login", "attach", "sessions", "dry-run", "dry-run-session"] as const;
export type Purpose = typeof purposes[number];

/** What may be carried beside sessions. */
export const forwardings = ["agent", "local", "remote", "x11"] as const;
export type Forwarding = typeof forwardings[number];

/** How much of a session is to be written down: nothing, what can be, or everything, else there is no session. */
export const recordings = ["off", "best_effort", "strict"] as const;
export type Recording = typeof recordings[number];

/** What the applicant's roles say beside the logins. 0 is no limit. */
export interface Grant {
  /** Session channels at one time. */
  maxSessions: number;
  /** Milliseconds without a byte either way after which the lease ends. */
  idleTimeoutMs: number;
  /** Milliseconds after which it ends in any case. */
  ttlMs: number;
  forwarding: Forwarding[];
  record: Recording;
}

/** Of roles that say nothing of it. */
export const plainGrant: Grant = {
  maxSessions: 0,
  idleTimeoutMs: 0,
  ttlMs: 0,
  forwarding: [],
  record: "off",
};

/** Body of `lease.open`, signed by the gateway; single use, for one host, one boot, one login. */
export interface LeaseOpen {
  type: "lease.open.v1";
  lease: string;
  gateway: string;
  /** Boot id of the gateway, as in its heartbeats: leases of an earlier life of it are over. */
  gatewayBoot: string;
  /** Audience: the only host that may act on it. */
  host: string;
  /** Boot id from the host's last signed heartbeat: a restarted host accepts no replay. */
  boot: string;
  /** Milliseconds since the epoch on the *host's* clock after which the request is void. */
  expiresAt: number;
  /** Ephemeral X25519 public key of the gateway, 32 bytes, base64. */
  key: string;
  suites: Suite[];
  /** The account asked for. */
  login: string;
  /** The applicant as the gateway authenticated them, and their roles. */
  user: string;
  roles: string[];
  /** Logins the roles allow, exact or patterns: a PAM module may change the login to one of these. */
  logins: string[];
  /** Patterns, which root matches as well: what of `logins` they may not have all the same. */
  deniedLogins: string[];
  grant: Grant;
  /** Facts about the applicant, for variables of PAM's environment. */
  traits: Record<string, string[]>;
  pamAuth: PamAuth;
  purpose: Purpose;
  /** To `attach`: the session's id, or 0 for the one there is. */
  session: number;
  /** RFC 4252 method name and, for keys, the SHA256 fingerprint. */
  method: string;
  fingerprint: string;
  client: ClientAddress;
}

/** Body of `lease.answer`, signed by the host: its half of the key exchange. */
export interface LeaseAnswer {
  type: "lease.answer.v1";
  lease: string;
  host: string;
  gateway: string;
  /** Ephemeral X25519 public key of the worker, 32 bytes, base64. */
  key: string;
  suite: Suite;
}

/** Unsigned reply when no lease can be opened; worth no more than a broken connection. */
export interface LeaseDenied {
  type: "lease.denied.v1";
  problem: string;
}

/** What roles and addresses may ask for: values by name (isLabelName, isLabelValue). */
export type Labels = Record<string, string>;

/** Body of a host's heartbeat, signed by the host's identity. */
export interface HostHeartbeat {
  type: "host.heartbeat.v1";
  host: string;
  boot: string;
  /** The host's clock, milliseconds since the epoch. */
  at: number;
  version: string;
  /** Leases open now. */
  leases: number;
  /** Load average of the last minute over the number of processors, in hundredths. */
  load: number;
  /** It takes no new logins. */
  draining: boolean;
  /** What the host says of itself, such as `env: prod`. */
  labels: Labels;
  /** Number of the newest list of revoked members it knows; 0 without one. */
  revocations: number;
}

/** Body of a gateway's heartbeat, signed by the gateway's identity. */
export interface GatewayHeartbeat {
  type: "gateway.heartbeat.v1";
  gateway: string;
  boot: string;
  at: number;
  version: string;
  /** It takes no connections any more; another of its name may take its place while it goes on. */
  draining: boolean;
  /** As a host's. */
  revocations: number;
}

const x25519Length = 44; // base64 of 32 bytes

function publicKey(fields: Fields): string {
  const bytes = fields.bytes("key", 32);
  if (bytes.length !== 32) throw new ProtocolError("Cannot read key: it must be 32 bytes");
  return fields.string("key", x25519Length);
}

function parse(bytes: Uint8Array): Fields {
  return Fields.parse(bytes, maxEnvelopeBytes);
}

function decodeTraits(fields: Fields): Record<string, string[]> {
  const traits = fields.object("traits");
  const names = Object.keys(fields.record("traits"));
  return Object.fromEntries(names.map((name) => [name, traits.strings(name, 256, 1_024)]));
}

export function decodeGrant(fields: Fields): Grant {
  return {
    maxSessions: fields.integer("maxSessions", 0, 1_000_000),
    idleTimeoutMs: fields.integer("idleTimeoutMs", 0, maxGrantMs),
    ttlMs: fields.integer("ttlMs", 0, maxGrantMs),
    forwarding: fields.list("forwarding", forwardings.length, (item, path) => {
      const known = forwardings.find((name) => name === item);
      if (!known) throw new ProtocolError(`Cannot read ${path}: it must be one of ${forwardings.join(", ")}`);
      return known;
    }),
    record: fields.oneOf("record", recordings),
  };
}

/** In an object without a prototype, where no label's name means anything else. */
function decodeLabels(fields: Fields): Labels {
  const labels = fields.object("labels");
  const names = Object.keys(fields.record("labels"));
  if (names.length > maxLabels || !names.every(isLabelName)) {
    throw new ProtocolError(
      `Cannot read labels: there may be ${maxLabels}, of letters, digits, _, ., / and -`,
    );
  }
  const result: Labels = Object.create(null);
  for (const name of names) result[name] = labels.matching(name, isLabelValue, "a line without = and ,");
  return result;
}

export function decodeLeaseOpen(bytes: Uint8Array): LeaseOpen {
  const fields = parse(bytes);
  const client = fields.object("client");
  return {
    type: fields.oneOf("type", ["lease.open.v1"]),
    lease: fields.matching("lease", isLeaseId, "32 hex digits"),
    gateway: fields.matching("gateway", isName, "a name"),
    gatewayBoot: fields.matching("gatewayBoot", isLeaseId, "32 hex digits"),
    host: fields.matching("host", isName, "a name"),
    boot: fields.matching("boot", isLeaseId, "32 hex digits"),
    expiresAt: fields.integer("expiresAt", 0, Number.MAX_SAFE_INTEGER),
    key: publicKey(fields),
    suites: fields.list("suites", suites.length, (item, path) => {
      const suite = suites.find((known) => known === item);
      if (!suite) throw new ProtocolError(`Cannot read ${path}: it must be one of ${suites.join(", ")}`);
      return suite;
    }),
    login: fields.matching("login", isLogin, "a login"),
    user: fields.string("user", 256),
    roles: fields.strings("roles", 256),
    logins: fields.strings("logins", 1_024),
    deniedLogins: fields.strings("deniedLogins", 1_024),
    grant: decodeGrant(fields.object("grant")),
    traits: decodeTraits(fields),
    pamAuth: fields.oneOf("pamAuth", pamAuths),
    purpose: fields.oneOf("purpose", purposes),
    session: fields.integer("session", 0, maxSessionId),
    method: fields.string("method", 64),
    fingerprint: fields.string("fingerprint", 128),
    client: {
      address: client.string("address", 64),
      port: client.integer("port", 0, 65_535),
      serverAddress: client.string("serverAddress", 64),
      serverPort: client.integer("serverPort", 0, 65_535),
    },
  };
}

export function decodeLeaseAnswer(bytes: Uint8Array): LeaseAnswer {
  const fields = parse(bytes);
  return {
    type: fields.oneOf("type", ["lease.answer.v1"]),
    lease: fields.matching("lease", isLeaseId, "32 hex digits"),
    host: fields.matching("host", isName, "a name"),
    gateway: fields.matching("gateway", isName, "a name"),
    key: publicKey(fields),
    suite: fields.oneOf("suite", suites),
  };
}

/** Members of an earlier version do not say. */
function revocationsSerial(fields: Fields): number {
  return fields.has("revocations") ? fields.integer("revocations", 0, Number.MAX_SAFE_INTEGER) : 0;
}

/** A host of an earlier version says neither load nor labels. */
export function decodeHostHeartbeat(bytes: Uint8Array): HostHeartbeat {
  const fields = parse(bytes);
  return {
    type: fields.oneOf("type", ["host.heartbeat.v1"]),
    host: fields.matching("host", isName, "a name"),
    boot: fields.matching("boot", isLeaseId, "32 hex digits"),
    at: fields.integer("at", 0, Number.MAX_SAFE_INTEGER),
    version: fields.string("version", 64),
    leases: fields.integer("leases", 0, 1_000_000),
    load: fields.has("load") ? fields.integer("load", 0, 1_000_000) : 0,
    draining: fields.has("draining") && fields.boolean("draining"),
    labels: fields.has("labels") ? decodeLabels(fields) : {},
    revocations: revocationsSerial(fields),
  };
}

export function decodeGatewayHeartbeat(bytes: Uint8Array): GatewayHeartbeat {
  const fields = parse(bytes);
  return {
    type: fields.oneOf("type", ["gateway.heartbeat.v1"]),
    gateway: fields.matching("gateway", isName, "a name"),
    boot: fields.matching("boot", isLeaseId, "32 hex digits"),
    at: fields.integer("at", 0, Number.MAX_SAFE_INTEGER),
    version: fields.string("version", 64),
    draining: fields.boolean("draining"),
    revocations: revocationsSerial(fields),
  };
}
