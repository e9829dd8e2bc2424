/** What monitor, dispatcher and worker need to know: written by `sallyport host` from the checked config as one JSON file. */

// No npm package may be needed to read this: root processes do.
import type { LogFormat } from "../log_record.ts";
import type { Labels } from "../protocol/lease.ts";
import type { LogLevel } from "../protocol/worker.ts";

/** What every process on the bus is told. Times in milliseconds. */
export interface MemberSettings {
  /** Its name on the bus. */
  name: string;
  /** Identity with private key, and the fleet key; for root to read. */
  identityFile: string;
  trustFile: string;
  /** The newest list of revoked members it has been told of; it writes it. */
  revocationsFile: string;
  bus: BusSettings;
  /** A lease ends when gateway and host could not talk for this long. */
  sessionTimeoutMs: number;
  logLevel: LogLevel;
  logFormat: LogFormat | "auto";
}

/** Times in milliseconds. */
export interface HostSettings extends MemberSettings, LoginRules {
  /** What it says of itself, by name. */
  labels: Labels;
  /** SSH certificates by which gateways may answer for this host: base64, by gateway. */
  certificates: Record<string, string>;
  /** Labels that commands find out, by name. */
  labelCommands: Record<string, LabelCommand>;
  /** Unprivileged numeric id, of user and group, that these commands run as. */
  labelUid: number;
  /** Arguments of `sallyport` that write the {@link LoginRules} anew; `null` where there is no configuration to read. */
  reload: string[] | null;
  /** Unprivileged numeric ids of the dispatcher. */
  dispatcherUid: number;
  dispatcherGid: number;
  /** Journal of open leases and other run-time files; root only. */
  runDirectory: string;
  pam: PamSettings;
  accounts: AccountSettings;
  /** Idle workers kept ready. */
  warmWorkers: number;
  /** Leases in authentication at one time, and in all. */
  maxOpening: number;
  maxLeases: number;
  /** A login on the host must be through PAM by then. */
  loginGraceMs: number;
  /** How long a hung-up shell may take before its process group is killed. */
  hangupGraceMs: number;
  /** How long PAM may take to close before the worker is killed and a janitor takes over. */
  closeTimeoutMs: number;
  /** How long a session on a terminal outlives its connection; 0: not at all. */
  detachMs: number;
  /** How long leases may go on after SIGTERM. */
  drainTimeoutMs: number;
  /** Soft RLIMIT_NOFILE given back to sessions before pam_limits; Deno raises its own. */
  openFilesSoft: number;
  /** Patterns of variables a client may set, `*` and `?` as in sshd's AcceptEnv. */
  acceptEnv: string[];
  /** Subsystems: name → command line run by the account's shell. */
  subsystems: Record<string, string>;
}

/** Which logins a host takes at all, as patterns; the host's own word, whatever gateways say. */
export interface LoginRules {
  /** `null`: every login. A pattern never matches root. */
  allowLogins: string[] | null;
  /** Here a pattern matches root as well. */
  denyLogins: string[];
}

/** A program whose first line is the label's value. */
export interface LabelCommand {
  /** Absolute path, and arguments. */
  command: string[];
  /** From the end of one run to the next. */
  intervalMs: number;
}

/** Accounts made by the worker itself, for who does not want to write PAM scripts. */
export interface AccountSettings {
  /** `off`: none. `keep`: they stay. `ephemeral`: they go with their last process. */
  mode: "off" | "keep" | "ephemeral";
  /** Groups every account is put into. */
  groups: string[];
  /** Absolute path of the login shell. */
  shell: string;
  /** Folder of the homes. */
  home: string;
  /** Rules of sudoers(5) without the user in front. */
  sudoers: string[];
  uidRange: UidRange;
  /** Which accounts are ours, and every uid ever given; outlives a boot. */
  ledgerFile: string;
  /** Pause between two looks at ephemeral accounts whose processes live on. */
  sweepIntervalMs: number;
}

/** Both ends belong to it. */
export interface UidRange {
  min: number;
  max: number;
}

export interface PamSettings {
  enabled: boolean;
  serviceName: string;
  /** Folder of service files for pam_start_confdir, or null for the system's. */
  confdir: string | null;
  /** Whether the auth stack may be asked at all. */
  usePamAuth: boolean;
  /** Whether every login has to pass it, whatever the gateway has proven. */
  requirePamAuth: boolean;
  /** Logins with a uid below 1000 that may prove themselves to PAM alone. */
  systemLogins: string[];
  /** More variables for modules, scripts and the session, by name. */
  environment: Record<string, Template>;
}

/** A value made of what is known about the applicant: its parts in order; without any it is empty text. */
export type Template = TemplatePart[];

/** Text as it stands, a trait's values, or the logins that the applicant's roles allow. */
export type TemplatePart = { text: string } | { external: string } | { internal: "logins" };

export interface BusSettings {
  /** NATS URLs, tried in turn. */
  servers: string[];
  /** File with the nkey seed (`SU…`), or null. */
  nkeySeedFile: string | null;
  /** PEM files for TLS, or null. */
  tls: { ca: string | null; cert: string | null; key: string | null } | null;
}
