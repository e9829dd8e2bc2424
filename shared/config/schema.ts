/** Every key of sallyport.yaml, where it is defined: what it does, what it accepts, its default. */

import { z } from "zod";
import { forwardings, recordings } from "../protocol/lease.ts";
import { logLevels } from "../protocol/worker.ts";
import { listKey, mapKey, orText, presumed, section } from "./structure.ts";
import {
  absolutePath,
  accountsMode,
  anyText,
  busName,
  choice,
  commandLine,
  commandPattern,
  commandWord,
  duration,
  exactLogin,
  fileName,
  folderName,
  groupName,
  integer,
  labelInterval,
  labelMatcher,
  labelMatcherNameText,
  labelNameText,
  labelValue,
  listenAddress,
  loginPattern,
  loginPatternText,
  maxStartups,
  methodList,
  natsServer,
  network,
  optional,
  orNull,
  pamVariable,
  personName,
  publicKey,
  required,
  serviceName,
  sudoersRule,
  template,
  uidRange,
  unprivilegedId,
  variablePattern,
  yesNo,
} from "./values.ts";

const second = 1_000;
const minute = 60 * second;

/** Ids between those Debian hands out (to 59999) and systemd's dynamic ones (from 61184); no package claims them. */
export const defaultIds = { gateway: 60_801, host: 60_802, broker: 60_803, labels: 60_805 } as const;

const gateway = section({
  name: optional(busName, "This gateway's name on the bus.", "gateway", "gateway"),
  listen: listKey(listenAddress, "Addresses and ports for SSH.", {
    fallback: [{ hostname: "0.0.0.0", port: 2222 }],
    example: ["0.0.0.0:2222"],
  }),
  host_keys: listKey(fileName, "SSH host keys in OpenSSH's format.", { example: ["ssh_host_ed25519_key"] }),
  identity: required(fileName, "The gateway's identity with its private key.", "gateway.identity"),
  trust: required(
    fileName,
    "The fleet's public key. A list of revoked members is looked for beside it.",
    "trust",
  ),
  revocations: optional(
    fileName,
    "Where the newest list of revoked members is kept, which comes over the bus; must outlive a reboot.",
    "/var/lib/sallyport/gateway.revocations",
    "/var/lib/sallyport/gateway.revocations",
  ),
  nkey: optional(
    orNull(fileName),
    "The gateway's nkey seed, or .creds file of NATS, for the bus; else bus.nkey.",
    null,
    "gateway.nkey",
  ),
  host_certificates: optional(
    orNull(fileName),
    "Certificates of host keys, as `sallyport keys` makes them: by these `ssh -J` believes the gateway to be a host.",
    null,
    "host_certificates",
  ),
  host: optional(
    orNull(busName),
    "The host that `ssh login@gateway` means; without one such a connection is only for `ssh -J`.",
    null,
    "local",
  ),
  uid: optional(unprivilegedId, "User id the gateway runs as.", defaultIds.gateway, defaultIds.gateway),
  gid: optional(unprivilegedId, "Group id the gateway runs as.", defaultIds.gateway, defaultIds.gateway),
  LoginGraceTime: optional(
    duration,
    "A connection that has not logged in by then is cut; 0 is never. PAM on the host has its own time.",
    2 * minute,
    "2m",
  ),
  AuthenticationMethods: listKey(
    methodList,
    "Ways in: a key, PAM on the host by questions or password, or both; as a list, or in one line with blanks between them as in sshd_config. Unless given publickey, with pam_logins also the other two.",
    {
      fallback: [],
      example: ["publickey,keyboard-interactive", "keyboard-interactive", "password"],
      fromText: (text) => text.trim().split(/[ \t]+/),
    },
  ),
  MaxAuthTries: optional(integer(1, 100), "Failed methods per connection before it is cut.", 6, 6),
  MaxStartups: optional(
    maxStartups,
    "Connections not logged in: from the first number on a share (per cent) is refused, at the last all.",
    { start: 100, rate: 30, full: 500 },
    "100:30:500",
  ),
  MaxSessions: optional(integer(1, 10_000), "Open sessions per SSH connection.", 10, 10),
  ClientAliveInterval: optional(
    duration,
    "Silence after which a client is asked for a sign; 0 is never.",
    0,
    0,
  ),
  ClientAliveCountMax: optional(integer(1, 1_000), "Unanswered signs before a client is cut.", 3, 3),
  drain_timeout: optional(
    duration,
    "After SIGTERM no connection is taken, and those there are may go on this long; SIGINT or a second SIGTERM ends them.",
    30 * second,
    "30s",
  ),
  Banner: optional(orNull(fileName), "A text shown before authentication.", null, "banner.txt"),
}, "The SSH side.");

const accounts = section({
  mode: optional(
    accountsMode,
    "off: PAM scripts or the administrator make accounts. keep: we do. ephemeral: and remove them after their last process.",
    "off",
    "off",
  ),
  groups: listKey(groupName, "Groups they are put into; made when missing. None unless given.", {
    fallback: [],
    example: ["developers"],
  }),
  shell: optional(absolutePath, "Their login shell.", "/bin/bash", "/bin/bash"),
  home: optional(absolutePath, "Folder of their homes; only root may write to it.", "/home", "/home"),
  sudoers: listKey(
    sudoersRule,
    "What they may do with sudo: lines of sudoers(5) without the user in front. Nothing unless given.",
    { fallback: [], example: ["ALL=(root) NOPASSWD: /usr/bin/systemctl status"] },
  ),
  uid_range: optional(
    uidRange,
    "Their uids; none is ever given to a second login. The default is clear of what useradd and systemd hand out.",
    { min: 70_000, max: 99_999 },
    "70000-99999",
  ),
  ledger: optional(
    fileName,
    "Which accounts are ours, and their uids; must outlive a reboot.",
    "/var/lib/sallyport/accounts.json",
    "/var/lib/sallyport/accounts.json",
  ),
  sweep_interval: optional(
    duration,
    "How often an ephemeral account whose processes outlived its last login is looked at.",
    30 * second,
    30,
  ),
}, "Accounts without PAM scripts. Accounts and groups made by others are never changed.");

const labelCommand = section({
  command: listKey(
    commandWord,
    "The program by its absolute path, and its arguments; no shell reads them.",
    { example: ["/usr/bin/uname", "-r"] },
  ),
  interval: optional(labelInterval, "Pause between two runs, at least 5 seconds.", minute, "1m"),
}, "A command whose first line is a label's value.");

const host = section({
  name: required(busName, "This host's name on the bus, as in `ssh login+NAME@gateway`.", "local"),
  identity: required(fileName, "The host's identity with its private key.", "host.identity"),
  trust: required(
    fileName,
    "The fleet's public key. A list of revoked members is looked for beside it.",
    "trust",
  ),
  certificates: optional(
    orNull(fileName),
    "Certificates of gateways' host keys for this host, as `sallyport keys` makes them; the host tells the gateways.",
    null,
    "host_certificates",
  ),
  revocations: optional(
    fileName,
    "Where the newest list of revoked members is kept, which comes over the bus; must outlive a reboot.",
    "/var/lib/sallyport/host.revocations",
    "/var/lib/sallyport/host.revocations",
  ),
  labels: mapKey(
    labelNameText,
    labelValue,
    "What roles and addresses may ask for, as in `ssh login+env=prod@gateway`. None unless given.",
    { env: "prod" },
  ),
  label_commands: mapKey(
    labelNameText,
    labelCommand,
    "Labels that commands find out, by name. A command that fails, or takes more than 10 seconds, gives none. None unless given.",
    { kernel: {} },
  ),
  label_uid: optional(
    unprivilegedId,
    "User and group id the commands of labels run as.",
    defaultIds.labels,
    defaultIds.labels,
  ),
  nkey: optional(orNull(fileName), "The host's nkey seed for the bus; else bus.nkey.", null, "host.nkey"),
  uid: optional(unprivilegedId, "User id the dispatcher runs as.", defaultIds.host, defaultIds.host),
  gid: optional(unprivilegedId, "Group id the dispatcher runs as.", defaultIds.host, defaultIds.host),
  run_dir: optional(
    folderName,
    "Journal of open leases; must be lost at a reboot.",
    "/run/sallyport",
    "/run/sallyport",
  ),
  pam_confdir: optional(
    orNull(folderName),
    "A folder of PAM service files to use in place of /etc/pam.d.",
    null,
    "pam.d",
  ),
  require_pam_auth: optional(
    yesNo,
    "With use_pam_auth: whether every login must pass PAM's auth stack, after a key too; else those the gateway asks for.",
    true,
    "yes",
  ),
  pam_system_logins: listKey(
    exactLogin,
    "Logins with a uid below 1000, such as root, that may log in by PAM alone. None unless given.",
    {
      fallback: [],
      example: ["root"],
    },
  ),
  allow_logins: listKey(
    loginPattern,
    "The only logins this host takes, whatever gateways say, exact or with * and ?; a pattern never matches root. Every login unless given.",
    { fallback: null, example: ["deploy", "web-*"] },
  ),
  deny_logins: listKey(
    loginPattern,
    "Logins this host never takes, whatever gateways say; here a pattern matches root as well. None unless given.",
    { fallback: [], example: ["root", "postgres"] },
  ),
  warm_workers: optional(integer(0, 1_000), "Idle workers kept ready; each takes about 10 MB.", 2, 2),
  max_opening: optional(integer(1, 10_000), "Logins in PAM at one time.", 32, 32),
  max_leases: optional(integer(1, 100_000), "Logins open at one time.", 1_000, 1_000),
  LoginGraceTime: optional(duration, "A login must be through PAM by then.", 2 * minute, "2m"),
  hangup_grace: optional(
    duration,
    "Time a hung-up shell has to leave before its process group is killed.",
    5 * second,
    5,
  ),
  close_timeout: optional(
    duration,
    "Time PAM has to close a session before its worker is killed and a janitor closes it.",
    30 * second,
    30,
  ),
  detach: optional(
    duration,
    "How long a session on a terminal waits to be taken up again when its client, its gateway, the bus or our own dispatcher is lost; 0 is not at all.",
    0,
    "10m",
  ),
  drain_timeout: optional(
    duration,
    "After SIGTERM no login is taken, and those there are may go on this long; SIGINT or a second SIGTERM ends them.",
    30 * second,
    "30s",
  ),
  AcceptEnv: listKey(variablePattern, "Variables a client may set.", {
    fallback: ["LANG", "LC_*"],
    example: ["LANG", "LC_*"],
  }),
  subsystems: mapKey(
    /^[A-Za-z0-9][A-Za-z0-9@._-]*$/,
    commandLine,
    "Subsystems by name: a command line run by the account's shell. None unless given.",
    { sftp: "/usr/lib/openssh/sftp-server" },
  ),
  open_files: optional(integer(64, 1_048_576), "Soft limit of open files in a session.", 1_024, 1_024),
  accounts: presumed(accounts),
}, "The side that runs PAM and shells.");

const bus = section({
  servers: listKey(natsServer, "NATS servers, tried in turn.", {
    fallback: ["nats://127.0.0.1:4222"],
    example: ["nats://127.0.0.1:4222"],
  }),
  nkey: optional(
    orNull(fileName),
    "File with the nkey seed, or a .creds file of NATS with JWT and seed, where gateway and host have none.",
    null,
    "bus.nkey",
  ),
  tls: section({
    ca: optional(
      orNull(fileName),
      "Certificate authorities (PEM) the server must be signed by.",
      null,
      "ca.pem",
    ),
    cert: optional(orNull(fileName), "Our certificate (PEM).", null, "cert.pem"),
    key: optional(orNull(fileName), "Our private key (PEM).", null, "key.pem"),
  }, "TLS to the bus. None unless given.").optional(),
  session_timeout: optional(
    duration,
    "A login ends when gateway and host could not talk for this long.",
    2 * minute,
    "2m",
  ),
}, "The NATS bus both sides dial.");

const broker = section({
  listen: optional(
    listenAddress,
    "Loopback address of the embedded broker.",
    { hostname: "127.0.0.1", port: 4222 },
    "127.0.0.1:4222",
  ),
  identities: required(
    fileName,
    "Who may connect: public nkeys with their kind and name.",
    "broker.identities",
  ),
  uid: optional(unprivilegedId, "User id the broker runs as.", defaultIds.broker, defaultIds.broker),
  gid: optional(unprivilegedId, "Group id the broker runs as.", defaultIds.broker, defaultIds.broker),
}, "The embedded NATS-protocol server for one machine; leave it out with a nats-server of your own.");

const user = section({
  name: required(personName, "Who it is; PAM sees it as TELEPORT_USERNAME.", "operator"),
  keys: listKey(publicKey, "Public keys, one line each, without options.", {
    example: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQ4mmhpePOPxhYTHJdDK0bkjYlnhZcZpHTvoP6dbxOs operator"],
  }),
  roles: listKey(personName, "Roles of the person; PAM sees them as TELEPORT_ROLES. None unless given.", {
    fallback: [],
    example: ["newcomers"],
  }),
  traits: mapKey(
    /^[^\0\r\n]{1,128}$/,
    z.array(required(anyText, "", "")),
    "Facts about the person. None unless given.",
    {
      team: ["web"],
    },
  ),
}, "A person.");

const hostLabels = (about: string, example: Record<string, unknown>) =>
  mapKey(
    labelMatcherNameText,
    orText(z.array(required(labelMatcher, "", "")).min(1), (text) => [text]),
    about,
    example,
  );

const deny = section({
  logins: listKey(
    loginPattern,
    "Logins, exact or with * and ?; here a pattern matches root as well. None unless given.",
    { fallback: [], example: ["root", "postgres"] },
  ),
  host_labels: hostLabels("Hosts that have all these labels. None unless given.", { env: "prod" }),
  commands: listKey(commandPattern, "Commands of the gateway. None unless given.", {
    fallback: [],
    example: ["kill"],
  }),
}, "What nobody with this role may have, whatever their other roles allow.");

const role = section({
  logins: listKey(
    loginPattern,
    "Logins, exact or with * and ?. A pattern never matches root: write root to allow it. None unless given.",
    { fallback: [], example: ["newcomer", "web-*"] },
  ),
  host_labels: hostLabels(
    "On which hosts: every label must have its value, or one of its list, exact or with * and ?. Every host unless given.",
    { env: ["prod", "stag*"], role: "web" },
  ),
  source_addresses: listKey(network, "Networks the client must come from. Anywhere unless given.", {
    fallback: [],
    example: ["192.0.2.0/24", "2001:db8::/32"],
  }),
  deny: presumed(deny),
  commands: listKey(
    commandPattern,
    "Commands of the gateway, as in `ssh +hosts@gateway`: one's own hosts and sessions.",
    { fallback: ["hosts", "sessions"], example: ["hosts", "sessions"] },
  ),
  max_sessions: optional(
    integer(0, 1_000),
    "Sessions on one connection; 0 is no limit beside gateway.MaxSessions.",
    0,
    0,
  ),
  client_idle_timeout: optional(
    duration,
    "A login ends when nothing was sent either way for this long; 0 is never.",
    0,
    0,
  ),
  max_session_ttl: optional(duration, "A login ends after this long; 0 is never.", 0, 0),
  forwarding: listKey(
    choice(forwardings),
    "What may be forwarded: agent, local, remote, x11. None unless given.",
    { fallback: [], example: ["agent", "local"] },
  ),
  record: optional(
    choice(recordings),
    "Whether sessions are to be recorded: off, best_effort or strict.",
    "off",
    "off",
  ),
}, "What a role allows.");

const log = section({
  level: optional(choice(logLevels), "Least level that is written.", "info", "info"),
  format: optional(
    choice(["auto", "human", "json"]),
    "Lines for people or JSON; auto is human on a terminal.",
    "auto",
    "auto",
  ),
}, "Logs go to stderr.");

const pam = section({
  enabled: optional(
    yesNo,
    "Whether sessions run through PAM; no unless given, as in Teleport.",
    false,
    "yes",
  ),
  service_name: optional(serviceName, "The PAM service; a file of this name must exist.", "sshd", "sshd"),
  use_pam_auth: optional(yesNo, "Whether PAM's auth stack is asked, with its questions, too.", false, "no"),
  environment: mapKey(
    pamVariable,
    template,
    "More variables for PAM's modules, scripts and the session; several values are joined by a space. TELEPORT_ROLES and the like may be replaced. None unless given.",
    {
      TEAM: "{{external.team}}",
      MAIL_ADDRESS: '{{external["https://idp.example.org/mail"]}}',
      LOGINS: "{{internal.logins}}",
    },
  ),
}, "PAM, with Teleport's key names.");

const sshService = section(
  { pam: presumed(pam) },
  "As in teleport.yaml; may stand under `teleport:` instead.",
);

/** The whole file. */
export const schema = section({
  gateway: gateway.optional(),
  host: host.optional(),
  bus: presumed(bus),
  broker: broker.optional(),
  users: z.array(user).default([]).meta({ description: "Who may log in." }),
  roles: z.record(z.string(), role).default({}).meta({ description: "Roles by name." }),
  pam_logins: mapKey(
    loginPatternText,
    orText(z.array(required(personName, "", "")), (text) => [text]),
    "Roles of those who have no key and prove themselves to PAM alone, by login or pattern: a list, or one role. None unless given.",
    { guest: ["newcomers"] },
  ),
  log: presumed(log),
  ssh_service: sshService.optional(),
  teleport: section({ ssh_service: sshService.optional() }, "The same, nested as in Teleport's guide.")
    .optional(),
}, "sallyport.yaml");

/** `ssh_service.pam` on its own, for a teleport.yaml that is somebody else's file. */
export const pamSchema = pam;

export type Config = z.infer<typeof schema>;
export type PamConfig = z.infer<typeof pamSchema>;
