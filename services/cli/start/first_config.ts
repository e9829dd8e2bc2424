/** The sallyport.yaml that `start` writes on first use. */

import type { ListenAddress } from "../../../shared/config/gateway_settings.ts";
import { gatewayName, hostName } from "./names.ts";

/** `127.0.0.1:2222`, with brackets around an IPv6 address. */
export function addressText({ hostname, port }: ListenAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

export interface FirstConfig {
  listen: ListenAddress;
  broker: ListenAddress;
  runDirectory: string;
  /** Line as in authorized_keys. */
  operatorKey: string;
}

export function firstConfig({ listen, broker, runDirectory, operatorKey }: FirstConfig): string {
  return `# Made by \`sallyport start\`; yours to change. Every key is explained in examples/sallyport.yaml.
# File names are relative to this file. A mistake here is named with its line, and nothing starts.

gateway:
  name: ${gatewayName}
  listen:
    - "${addressText(listen)}"
  host_keys:
    - ssh_host_ed25519_key
  identity: gateway.identity
  trust: trust
  revocations: gateway.revocations
  nkey: gateway.nkey
  host: ${hostName}

host:
  name: ${hostName}
  identity: host.identity
  trust: trust
  revocations: host.revocations
  nkey: host.nkey
  pam_confdir: pam.d
  run_dir: ${runDirectory}

bus:
  servers:
    - nats://${addressText(broker)}

broker:
  listen: "${addressText(broker)}"
  identities: broker.identities

ssh_service:
  pam:
    enabled: yes
    service_name: sallyport

users:
  - name: operator
    keys:
      - ${operatorKey}
    roles:
      - newcomers

roles:
  newcomers:
    logins:
      - newcomer
`;
}
