/** Whether what the configuration names is there: keys, service file, ports. */

import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { type ConfigFile, loadConfig } from "../../../shared/config/load.ts";
import { ConfigError } from "../../../shared/config/mistakes.ts";
import { findServiceFile, serviceFolders } from "../../../shared/config/service_file.ts";
import {
  runDirectoryOf,
  toBrokerConfig,
  toGatewaySettings,
  toHostSettings,
} from "../../../shared/config/settings.ts";
import { loadTeleportPam, type PamKeys, pamKeysOf } from "../../../shared/config/teleport.ts";
import { type Bearer, loadMembership, type TrustFiles } from "../../../shared/trust/files.ts";
import { sentenceOf } from "../failure.ts";
import { accountFindings } from "./accounts.ts";
import { busFindings } from "./bus.ts";
import type { Finding } from "./finding.ts";
import { ownershipFindings, secretFindings } from "./ownership.ts";
import { portFindings } from "./ports.ts";
import { serviceFileFindings } from "./read_stack.ts";
import { wayInFindings } from "./ways_in.ts";

/** All that is wrong with a configuration and what it names. */
export async function configuredFindings(file: string, teleport: string | undefined): Promise<Finding[]> {
  let source: ConfigFile;
  let keys: PamKeys;
  try {
    source = loadConfig(file);
    keys = teleport === undefined ? pamKeysOf(source) : loadTeleportPam(teleport);
  } catch (cause) {
    return mistakes(cause);
  }
  return [
    ...ownershipFindings(file),
    ...pamFindings(source, keys),
    ...accountsOf(source),
    ...keyFindings(source),
    ...nameFindings(source),
    ...wayInFindings(source, keys.pam.use_pam_auth),
    ...await portFindings(source.config),
    ...await busFindings(source),
  ];
}

function mistakes(cause: unknown): Finding[] {
  if (!(cause instanceof ConfigError)) throw cause;
  return cause.mistakes.map((what) => ({
    severity: "error",
    where: null,
    what,
    remedy: "correct it; examples/sallyport.yaml explains every key",
  }));
}

function pamFindings(source: ConfigFile, { pam, placeOf }: PamKeys): Finding[] {
  if (source.config.host === undefined) return [];
  if (!pam.enabled) {
    return [{
      severity: "warning",
      where: placeOf("enabled"),
      what: "PAM is off, so accounts are not created and no PAM rule is asked",
      remedy: "set ssh_service.pam.enabled to yes",
    }];
  }
  // toHostSettings would refuse a missing service with the same sentence; here it is one finding among others.
  const { confdir } = withoutPam(source).pam;
  const service = findServiceFile(pam.service_name, confdir);
  return serviceFileFindings(service ?? `${serviceFolders(confdir)[0]}/${pam.service_name}`, {
    asksAuth: pam.use_pam_auth,
  });
}

function accountsOf(source: ConfigFile): Finding[] {
  if (source.config.host === undefined) return [];
  const { accounts } = withoutPam(source);
  return accountFindings(accounts, (path) => source.placeOf(["host", "accounts", ...path]));
}

function keyFindings(source: ConfigFile): Finding[] {
  const { gateway, host, broker } = source.config;
  const findings: Finding[] = [];
  const start = "run `sallyport start` once, or `sallyport keys`, to make it";
  if (gateway) {
    const settings = toGatewaySettings(withoutBanner(source));
    const { hostKeyFiles, identityFile, bus } = settings;
    const secrets = [...hostKeyFiles, identityFile, ...(bus.nkeySeedFile === null ? [] : [bus.nkeySeedFile])];
    findings.push(...secrets.flatMap((secret) => secretFindings(secret, start)));
    findings.push(...identityFindings({ kind: "gateway", name: gateway.name }, settings));
  }
  if (host) {
    const settings = withoutPam(source);
    const { identityFile, bus } = settings;
    const secrets = [identityFile, ...(bus.nkeySeedFile === null ? [] : [bus.nkeySeedFile])];
    findings.push(...secrets.flatMap((secret) => secretFindings(secret, start)));
    findings.push(...identityFindings({ kind: "host", name: host.name }, settings));
    findings.push(...ownershipFindings(runDirectoryOf(source)));
  }
  if (broker) findings.push(...ownershipFindings(toBrokerConfig(source).identitiesFile));
  return findings;
}

function withoutBanner(source: ConfigFile): ConfigFile {
  const { gateway, ...config } = source.config;
  return { ...source, config: { ...config, ...(gateway && { gateway: { ...gateway, Banner: null } }) } };
}

function withoutPam(source: ConfigFile): HostSettings {
  const { pam, placeOf } = pamKeysOf(source);
  return toHostSettings(source, { pam: { ...pam, enabled: false }, placeOf });
}

/** On one machine a gateway whose default host is another is mostly a slip of the pen. */
function nameFindings({ config: { gateway, host }, placeOf }: ConfigFile): Finding[] {
  if (!gateway || !host || gateway.host === host.name) return [];
  return [{
    severity: "warning",
    where: placeOf(["gateway", "host"]),
    what: `\`ssh login@gateway\` means the host ${gateway.host}, and this machine's host is ${host.name}`,
    remedy: `set gateway.host to ${host.name}, unless ${gateway.host} is another machine`,
  }];
}

function identityFindings(bearer: Bearer, files: { identityFile: string } & TrustFiles): Finding[] {
  try {
    loadMembership(files, bearer);
    return ownershipFindings(files.trustFile);
  } catch (cause) {
    return [{
      severity: "error",
      where: files.identityFile,
      what: "This identity cannot be used, and nobody will believe who bears it",
      remedy: sentenceOf(cause),
    }];
  }
}
