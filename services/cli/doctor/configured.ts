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
import { readIdentity, readTrust, verifyCredential } from "../../../shared/trust/identity.ts";
import { sentenceOf } from "../failure.ts";
import { busFindings } from "./bus.ts";
import type { Finding } from "./finding.ts";
import { ownershipFindings, secretFindings } from "./ownership.ts";
import { portFindings } from "./ports.ts";
import { serviceFileFindings } from "./read_stack.ts";

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
    ...keyFindings(source),
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
  return serviceFileFindings(service ?? `${serviceFolders(confdir)[0]}/${pam.service_name}`);
}

function keyFindings(source: ConfigFile): Finding[] {
  const { gateway, host, broker } = source.config;
  const findings: Finding[] = [];
  const start = "run `sallyport start` once, or `sallyport keys`, to make it";
  if (gateway) {
    const { hostKeyFiles, identityFile, trustFile, bus } = toGatewaySettings(withoutBanner(source));
    const secrets = [...hostKeyFiles, identityFile, ...(bus.nkeySeedFile === null ? [] : [bus.nkeySeedFile])];
    findings.push(...secrets.flatMap((secret) => secretFindings(secret, start)));
    findings.push(...identityFindings(identityFile, trustFile));
  }
  if (host) {
    const { identityFile, trustFile, bus } = withoutPam(source);
    const secrets = [identityFile, ...(bus.nkeySeedFile === null ? [] : [bus.nkeySeedFile])];
    findings.push(...secrets.flatMap((secret) => secretFindings(secret, start)));
    findings.push(...identityFindings(identityFile, trustFile));
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

function identityFindings(identityFile: string, trustFile: string): Finding[] {
  try {
    const trust = readTrust(Deno.readTextFileSync(trustFile));
    verifyCredential(readIdentity(Deno.readTextFileSync(identityFile)).credential, trust);
    return ownershipFindings(trustFile);
  } catch (cause) {
    return [{
      severity: "error",
      where: identityFile,
      what: `This identity is not good with ${trustFile}: ${sentenceOf(cause)}`,
      remedy: "issue it again with the fleet key the trust file is of: sallyport keys issue",
    }];
  }
}
