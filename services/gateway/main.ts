/** The gateway process: read keys and bind, drop root, join the bus, accept SSH. */

import { dropPrivileges } from "../../ffi/privileges.ts";
import { readBusCredentials } from "../../shared/bus/credentials.ts";
import { connectBus } from "../../shared/bus/nats.ts";
import { watchServerVersion } from "../../shared/bus/server_version.ts";
import type { GatewaySettings } from "../../shared/config/gateway_settings.ts";
import { getLogger, setUpLogging } from "../../shared/log.ts";
import { RevocationNews } from "../../shared/bus/revocation_news.ts";
import { readTextFile } from "../../shared/text_file.ts";
import { givenRevocationsFile, loadMembership, readRevocations } from "../../shared/trust/files.ts";
import { rawKeyOf } from "../../shared/trust/host_certificate.ts";
import { isRevoked } from "../../shared/trust/identity.ts";
import { AccessPolicy } from "./access.ts";
import { AuthMethods } from "./auth/methods.ts";
import { HostCertificates } from "./host_certificates.ts";
import { Hosts } from "./hosts.ts";
import { Jumps } from "./jump.ts";
import { Leases } from "./leases.ts";
import { Listener } from "./listener.ts";
import { RevocationStore } from "./revocation_store.ts";
import { type HostKeys, loadHostKeys, withCertificate } from "./ssh2/mod.ts";

const farewell = "The gateway is going down; log in again in a moment.";
/** How long connections get to read it. */
const farewellMs = 500;

/**
 * Runs until SIGINT or `stop`, or until SIGTERM and its connections have ended.
 *
 * @param settings From the checked configuration; files are read here, as root, before privileges are dropped
 * @param reload Reads the configuration again at SIGHUP; users and roles of the result apply to new logins. `forRestart`
 * names what else has changed
 */
export async function runGateway(
  settings: GatewaySettings,
  reload: () => { settings: GatewaySettings; forRestart: string[] },
  stop?: Promise<void>,
): Promise<void> {
  setUpLogging({ service: "gateway", level: settings.logLevel, format: settings.logFormat });
  const log = getLogger(["sallyport", "gateway"]);
  const { identity, trust } = loadMembership(settings, { kind: "gateway", name: settings.name });
  const hostKeys = loadHostKeys(settings.hostKeyFiles.map(readTextFile), settings.hostKeyFiles);
  const credentials = readBusCredentials(settings.bus);
  using kept = RevocationStore.open(settings.revocationsFile, trust.latest);
  const listeners = settings.listen.map((address) => Deno.listen({ ...address, transport: "tcp" }));
  if (Deno.uid() === 0) dropPrivileges({ uid: settings.uid, gid: settings.gid });

  const bus = await connectBus({
    settings: settings.bus,
    credentials,
    name: settings.name,
    waitForFirst: true,
    onError: (cause) => log.warn("The bus reports: {cause}", { cause: String(cause) }),
  });
  bus.onState((state) => log.info("The bus is {state}", { state }));
  watchServerVersion(bus, (message, properties) => log.warn(message, properties));
  const certificates = new HostCertificates(trust.fleetKey, ed25519Of(hostKeys));
  certificates.addAll(settings.hostCertificates);
  certificates.listen(bus, settings.name);
  using hosts = new Hosts(bus, trust);
  using leases = new Leases({
    bus,
    name: settings.name,
    identity,
    trust,
    hosts,
    sessionTimeoutMs: settings.sessionTimeoutMs,
  });

  using news = new RevocationNews({
    bus,
    trust,
    onNewer: (list) => {
      log.info("List {serial} of revoked members has come", { serial: list.serial });
      leases.endRevoked();
      hosts.dropRevoked();
      if (isRevoked(identity.credential, trust)) {
        log.error(
          "This gateway is revoked: no host trusts it any more; stop it, or give it another identity",
        );
      }
      try {
        kept.keep(list);
      } catch (cause) {
        log.error("Cannot keep the list of revoked members in {file}: it is forgotten at a restart", {
          file: settings.revocationsFile,
          cause,
        });
      }
    },
    onWithheld: (host, serial) => {
      log.warn(
        "Host {host} knows list {serial} of revoked members, which the bus has not brought here; look after the bus, or copy the list beside the trust file",
        { host, serial },
      );
    },
  });
  hosts.onRevocations((host, serial) => news.memberHas(host, serial));

  const policyOf = ({ users, roles, pamLogins }: GatewaySettings) =>
    new AccessPolicy(users, roles, pamLogins);
  let policy = policyOf(settings);
  Deno.addSignalListener("SIGHUP", () => {
    try {
      const given = readRevocations(givenRevocationsFile(settings), trust.fleetKey);
      if (given) news.tell(given);
    } catch (cause) {
      log.error("The list of revoked members was not read again; give it to a host instead", { cause });
    }
    try {
      const { settings: again, forRestart } = reload();
      policy = policyOf(again);
      log.info("Users, roles and pam_logins were read again");
      if (forRestart.length > 0) {
        log.warn("What else has changed takes effect after a restart: {keys}", {
          keys: forRestart.join(", "),
        });
      }
      if (waysText(again) !== waysText(settings)) {
        log.warn("The ways in have changed with it, which takes effect after a restart: {ways}", {
          ways: waysText(again),
        });
      }
    } catch (cause) {
      log.error("The configuration was not read again; the old one stays in force", { cause });
    }
  });

  const own = certificates.for(settings.name);
  const ssh = {
    hostKeys,
    clientAliveIntervalMs: settings.clientAliveIntervalMs,
    clientAliveCountMax: settings.clientAliveCountMax,
    ...(settings.banner !== null && { banner: settings.banner }),
  };
  const listener = new Listener({
    ssh: own ? { ...ssh, hostKeys: withCertificate(hostKeys, own) } : ssh,
    maxStartups: settings.maxStartups,
    log,
    connection: {
      hosts,
      jumps: new Jumps(ssh, certificates),
      leases,
      policy: () => policy,
      methods: new AuthMethods(settings.authenticationMethods),
      defaultHost: settings.defaultHost,
      loginGraceMs: settings.loginGraceMs,
      maxAuthTries: settings.maxAuthTries,
      maxSessions: settings.maxSessions,
      log,
    },
  });
  const served = listeners.map((socket) => listener.serve(socket));
  for (const { addr } of listeners) log.info("Listening on {address}:{port}", addressOf(addr));

  const hurried = Promise.race([signalled("SIGINT"), ...(stop ? [stop] : [])]);
  const isAsked = await Promise.race([signalled("SIGTERM"), hurried.then(() => false)]);
  for (const socket of listeners) socket.close();
  await Promise.all(served);
  if (isAsked && settings.drainTimeoutMs > 0) {
    const limitMs = settings.drainTimeoutMs;
    log.info("Draining {connections} connections within {limitMs} ms", {
      connections: listener.connections,
      limitMs,
    });
    leases.drain();
    const limit = new Promise((resolve) => setTimeout(resolve, limitMs));
    await Promise.race([listener.drained(farewell), limit, signalled("SIGTERM"), hurried]);
  }
  log.info("Stopping");
  listener.endAll(farewell);
  await new Promise((resolve) => setTimeout(resolve, farewellMs));
  await bus.close();
}

/** Raw, base64; the only type that the fleet certifies. */
function ed25519Of({ keys }: HostKeys): string | null {
  return keys.map((key) => rawKeyOf(key.getPublicSSH())).find((raw) => raw !== null) ?? null;
}

function addressOf(address: Deno.Addr): { address: string; port: number } {
  const { hostname, port } = address as Deno.NetAddr;
  return { address: hostname, port };
}

/** Resolves at the next `signal`. */
function signalled(signal: Deno.Signal): Promise<true> {
  const { promise, resolve } = Promise.withResolvers<true>();
  Deno.addSignalListener(signal, () => resolve(true));
  return promise;
}

/** As sshd's AuthenticationMethods. */
function waysText({ authenticationMethods }: GatewaySettings): string {
  return authenticationMethods.map((list) => list.join(",")).join(" ");
}
