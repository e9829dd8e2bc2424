/** From the checked configuration to what each process is told. Relative names of files are relative to the configuration's folder. */

import { dirname, resolve } from "node:path";
import { type CertificateLine, parseCertificates } from "./certificates.ts";
import type { GatewaySettings, ListenAddress, RoleSettings } from "./gateway_settings.ts";
import type { AccountSettings, BusSettings, HostSettings, MemberSettings } from "./host_settings.ts";
import type { ConfigFile } from "./load.ts";
import { ConfigError } from "./mistakes.ts";
import type { Config } from "./schema.ts";
import { findServiceFile, serviceFolders } from "./service_file.ts";
import { type PamKeys, pamKeysOf } from "./teleport.ts";

function section<K extends "gateway" | "host" | "broker">(
  { file, config }: ConfigFile,
  name: K,
): NonNullable<Config[K]> {
  const found = config[name];
  if (found === undefined) {
    throw new ConfigError([`${file}:1:1: ${name} is missing; this service needs that section`]);
  }
  return found;
}

function fileResolver({ file }: ConfigFile): (name: string) => string {
  const folder = dirname(resolve(file));
  return (name) => resolve(folder, name);
}

function orNull<T>(resolveName: (name: T) => T, name: T | null | undefined): T | null {
  return name === null || name === undefined ? null : resolveName(name);
}

/** What a section of either side says of its place on the bus. */
interface MemberKeys {
  name: string;
  identity: string;
  trust: string;
  revocations: string;
  nkey: string | null;
}

function memberSettings(
  source: ConfigFile,
  { name, identity, trust, revocations, nkey }: MemberKeys,
): MemberSettings {
  const { bus, log } = source.config;
  const path = fileResolver(source);
  return {
    name,
    identityFile: path(identity),
    trustFile: path(trust),
    revocationsFile: path(revocations),
    bus: busSettings(source, nkey),
    sessionTimeoutMs: bus.session_timeout,
    logLevel: log.level,
    logFormat: log.format,
  };
}

function busSettings(source: ConfigFile, nkey: string | null): BusSettings {
  const path = fileResolver(source);
  const { servers, tls, nkey: shared } = source.config.bus;
  return {
    servers,
    nkeySeedFile: orNull(path, nkey ?? shared),
    tls: tls ? { ca: orNull(path, tls.ca), cert: orNull(path, tls.cert), key: orNull(path, tls.key) } : null,
  };
}

/** @throws {ConfigError} When there is no `gateway` section, or the banner cannot be read */
export function toGatewaySettings(source: ConfigFile): GatewaySettings {
  const gateway = section(source, "gateway");
  const { users, roles, pam_logins } = source.config;
  const path = fileResolver(source);
  return {
    ...memberSettings(source, gateway),
    listen: gateway.listen,
    hostKeyFiles: gateway.host_keys.map(path),
    defaultHost: gateway.host,
    hostCertificates: certificatesOf(orNull(path, gateway.host_certificates)),
    uid: gateway.uid,
    gid: gateway.gid,
    loginGraceMs: gateway.LoginGraceTime,
    authenticationMethods: waysIn(source.config, gateway.AuthenticationMethods),
    maxAuthTries: gateway.MaxAuthTries,
    maxStartups: gateway.MaxStartups,
    maxSessions: gateway.MaxSessions,
    clientAliveIntervalMs: gateway.ClientAliveInterval,
    clientAliveCountMax: gateway.ClientAliveCountMax,
    drainTimeoutMs: gateway.drain_timeout,
    banner: gateway.Banner === null ? null : readText(path(gateway.Banner)),
    users,
    roles: roleSettings(roles),
    pamLogins: pam_logins,
  };
}

export function roleSettings(roles: Config["roles"]): Record<string, RoleSettings> {
  return Object.fromEntries(
    Object.entries(roles).map(([name, role]) => [name, {
      logins: role.logins,
      hostLabels: role.host_labels,
      sourceAddresses: role.source_addresses,
      deny: { logins: role.deny.logins, hostLabels: role.deny.host_labels, commands: role.deny.commands },
      commands: role.commands,
      maxSessions: role.max_sessions,
      clientIdleTimeout: role.client_idle_timeout,
      maxSessionTtl: role.max_session_ttl,
      forwarding: role.forwarding,
      record: role.record,
    }]),
  );
}

/** Without a list of its own a gateway offers what can succeed: PAM alone needs somebody with roles. */
export function waysIn({ pam_logins }: Pick<Config, "pam_logins">, given: string[][]): string[][] {
  if (given.length > 0) return given;
  const isPamEnough = Object.keys(pam_logins).length > 0;
  return [["publickey"], ...(isPamEnough ? [["keyboard-interactive"], ["password"]] : [])];
}

/** @throws {ConfigError} */
function readText(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new ConfigError([
      `Cannot read ${file}: ${cause instanceof Error ? cause.message : cause}`,
    ]);
  }
}

/**
 * @param keys Those of a teleport.yaml of its own, in place of those in the configuration
 * @throws {ConfigError} When there is no `host` section, or no file for the PAM service
 */
export function toHostSettings(source: ConfigFile, keys: PamKeys = pamKeysOf(source)): HostSettings {
  const { pam } = keys;
  const host = section(source, "host");
  const path = fileResolver(source);
  const confdir = orNull(path, host.pam_confdir);
  if (pam.enabled) mustHaveServiceFile(keys, confdir);
  return {
    ...memberSettings(source, host),
    labels: host.labels,
    certificates: Object.fromEntries(
      certificatesOf(orNull(path, host.certificates)).map(({ gateway, base64 }) => [gateway, base64]),
    ),
    labelCommands: Object.fromEntries(
      Object.entries(host.label_commands).map((
        [name, { command, interval }],
      ) => [name, { command, intervalMs: interval }]),
    ),
    labelUid: host.label_uid,
    allowLogins: host.allow_logins,
    denyLogins: host.deny_logins,
    reload: null,
    dispatcherUid: host.uid,
    dispatcherGid: host.gid,
    runDirectory: path(host.run_dir),
    pam: {
      enabled: pam.enabled,
      serviceName: pam.service_name,
      confdir,
      usePamAuth: pam.use_pam_auth,
      requirePamAuth: host.require_pam_auth,
      systemLogins: host.pam_system_logins,
      environment: pam.environment,
    },
    accounts: accountSettings(source, host.accounts),
    warmWorkers: host.warm_workers,
    maxOpening: host.max_opening,
    maxLeases: host.max_leases,
    loginGraceMs: host.LoginGraceTime,
    hangupGraceMs: host.hangup_grace,
    closeTimeoutMs: host.close_timeout,
    detachMs: host.detach,
    drainTimeoutMs: host.drain_timeout,
    openFilesSoft: host.open_files,
    acceptEnv: host.AcceptEnv,
    subsystems: host.subsystems,
  };
}

function certificatesOf(file: string | null): CertificateLine[] {
  return file === null ? [] : parseCertificates(readText(file), file);
}

function accountSettings(
  source: ConfigFile,
  accounts: NonNullable<Config["host"]>["accounts"],
): AccountSettings {
  const { uid_range, ledger, sweep_interval, ...same } = accounts;
  return {
    ...same,
    uidRange: uid_range,
    ledgerFile: fileResolver(source)(ledger),
    sweepIntervalMs: sweep_interval,
  };
}

function mustHaveServiceFile({ pam, placeOf }: PamKeys, confdir: string | null): void {
  const name = pam.service_name;
  if (findServiceFile(name, confdir) !== null) return;
  const folders = serviceFolders(confdir).join(" or ");
  throw new ConfigError([
    `${
      placeOf("service_name")
    }: ssh_service.pam.service_name must be a service that exists, not "${name}": there is no such file in ${folders}; write one, or name another`,
  ]);
}

/** Where the embedded broker listens and who may connect. */
export interface BrokerConfig extends ListenAddress {
  /** Public nkeys with kind and name. */
  identitiesFile: string;
  uid: number;
  gid: number;
}

/** @throws {ConfigError} When there is no `broker` section */
export function toBrokerConfig(source: ConfigFile): BrokerConfig {
  const { listen, identities, uid, gid } = section(source, "broker");
  return { ...listen, identitiesFile: fileResolver(source)(identities), uid, gid };
}

/** Folder for run-time files, on a machine without a host section as well. */
export function runDirectoryOf(source: ConfigFile): string {
  return fileResolver(source)(source.config.host?.run_dir ?? "/run/sallyport");
}
