/** Whether what the configuration names is there: keys, service file, ports. */

import { dirname, resolve } from "node:path";
import { loadConfig } from "../../../shared/config/load.ts";
import { ConfigError } from "../../../shared/config/mistakes.ts";
import type { Config, PamConfig } from "../../../shared/config/schema.ts";
import { findServiceFile, serviceFolders } from "../../../shared/config/service_file.ts";
import {
  type ConfigFile,
  runDirectoryOf,
  toBrokerConfig,
  toGatewaySettings,
  toHostSettings,
} from "../../../shared/config/settings.ts";
import { loadTeleportPam, pamOf } from "../../../shared/config/teleport.ts";
import { readIdentity, readTrust, verifyCredential } from "../../../shared/trust/identity.ts";
import { missingAccountPrograms } from "../account_programs.ts";
import { sentenceOf } from "../failure.ts";
import { busFindings } from "./bus.ts";
import type { Finding } from "./finding.ts";
import { ownershipFindings, secretFindings } from "./ownership.ts";
import { portFindings } from "./ports.ts";
import { serviceFileFindings } from "./read_stack.ts";

/** All that is wrong with a configuration and what it names. */
export async function configuredFindings(file: string, teleport: string | undefined): Promise<Finding[]> {
  let source: ConfigFile;
  let pam: PamConfig;
  try {
    source = { file, config: loadConfig(file) };
    pam = teleport === undefined ? pamOf(source.config) : loadTeleportPam(teleport);
  } catch (cause) {
    return mistakes(cause);
  }
  return [
    ...ownershipFindings(file),
    ...pamFindings(source, pam),
    ...accountFindings(source),
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

function pamFindings({ file, config }: ConfigFile, pam: PamConfig): Finding[] {
  if (config.host === undefined) return [];
  if (!pam.enabled) {
    return [{
      severity: "warning",
      where: file,
      what: "PAM is off, so accounts are not created and no PAM rule is asked",
      remedy: "set ssh_service.pam.enabled to yes",
    }];
  }
  // toHostSettings would refuse a missing service with the same sentence; here it is one finding among others.
  const { confdir } = toHostSettings({ file, config }, { ...pam, enabled: false }).pam;
  const service = findServiceFile(pam.service_name, confdir);
  return serviceFileFindings(service ?? `${serviceFolders(confdir)[0]}/${pam.service_name}`);
}

function accountFindings({ file, config }: ConfigFile): Finding[] {
  if (config.host === undefined) return [];
  const { accounts } = config.host;
  const missing = missingAccountPrograms(accounts);
  const ledger = resolve(dirname(file), accounts.ledger);
  return [
    ...missing.map((finding) => ({ severity: "error", where: file, ...finding }) as const),
    ...(accounts.mode === "off" ? [] : ownershipFindings(ledger)),
  ];
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
    const { identityFile, trustFile, bus } = toHostSettings(source, {
      ...pamOf(source.config),
      enabled: false,
    });
    const secrets = [identityFile, ...(bus.nkeySeedFile === null ? [] : [bus.nkeySeedFile])];
    findings.push(...secrets.flatMap((secret) => secretFindings(secret, start)));
    findings.push(...identityFindings(identityFile, trustFile));
    findings.push(...ownershipFindings(runDirectoryOf(source)));
  }
  if (broker) findings.push(...ownershipFindings(toBrokerConfig(source).identitiesFile));
  return findings;
}

function withoutBanner({ file, config }: ConfigFile): ConfigFile {
  const gateway: Config["gateway"] = config.gateway && { ...config.gateway, Banner: null };
  return { file, config: { ...config, gateway } };
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
