/** A whole host — real monitor, dispatcher and workers — and a gateway's leases on the broker they share. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Broker, startBroker } from "../../../services/broker/broker.ts";
import { Hosts } from "../../../services/gateway/hosts.ts";
import type { ChannelHandlers, Lease, LeaseChannel } from "../../../services/gateway/lease.ts";
import { Leases } from "../../../services/gateway/leases.ts";
import type { Bus } from "../../../shared/bus/bus.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import {
  type ChannelExit,
  type ChannelOpen,
  decodeChannelExit,
  RecordKind,
  type SessionInfo,
} from "../../../shared/protocol/channel.ts";
import { plainGrant } from "../../../shared/protocol/lease.ts";
import type { Problem } from "../../../shared/protocol/problems.ts";
import { gatewayAllowList, hostAllowList } from "../../../shared/protocol/subjects.ts";
import {
  createFleetKey,
  type Identity,
  issueIdentity,
  readIdentity,
  readTrust,
  trustText,
} from "../../../shared/trust/identity.ts";
import { FleetTrust } from "../../../shared/trust/revocations.ts";
import { noAccounts } from "../../support/accounts.ts";
import { until } from "../../support/wait.ts";

const root = new URL("../../../", import.meta.url);
export const gatewayName = "gate";
export const hostName = "house";

/** Permits everybody; says hello, so that there is a notice; runs the hook with PAM_TYPE set. */
const policy = `
auth     required pam_permit.so
account  required pam_permit.so
session  required pam_permit.so
session  optional pam_echo.so file=CONFDIR/hello
session  required pam_exec.so quiet CONFDIR/hook
`;

export interface HostKitOptions {
  settings?: Partial<HostSettings>;
  /** Shell script that PAM runs at `open_session` and `close_session`. */
  hook?: string;
  /** Runs before the monitor starts. */
  prepare?: (settings: HostSettings) => void;
}

export class HostKit implements AsyncDisposable {
  /** What the host's processes wrote to stderr. */
  log = "";
  monitor: Deno.ChildProcess;
  readonly #reading: Promise<void>[] = [];

  private constructor(
    readonly folder: string,
    readonly settings: HostSettings,
    readonly broker: Broker,
    readonly bus: Bus,
    readonly hosts: Hosts,
    readonly leases: Leases,
    /** The gateway's. */
    readonly identity: Identity,
    readonly settingsFile: string,
  ) {
    this.monitor = this.#startMonitor();
  }

  /** Starts another monitor in the place of one that has ended. */
  restart(): void {
    this.monitor = this.#startMonitor();
  }

  #startMonitor(): Deno.ChildProcess {
    const file = (path: string) => fileURLToPath(new URL(path, root));
    const monitor = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--config", file("deno.json"), "-P=monitor"],
        ...[file("services/host/monitor/main.ts"), this.settingsFile],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading.push(this.#read(monitor.stderr));
    return monitor;
  }

  static async start(
    { settings: changes, hook = "", prepare = () => {} }: HostKitOptions = {},
  ): Promise<HostKit> {
    const folder = Deno.makeTempDirSync({ prefix: "sallyport-host-" });
    Deno.chmodSync(folder, 0o755);
    const write = (name: string, text: string) => {
      const path = join(folder, name);
      Deno.writeTextFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const confdir = join(folder, "pam.d");
    Deno.mkdirSync(confdir);
    write("pam.d/hello", "Hello from PAM\n");
    Deno.chmodSync(write("pam.d/hook", `#!/bin/sh\n${hook}\n`), 0o755);
    write("pam.d/sallyport-test", policy.replaceAll("CONFDIR", confdir));
    const fleet = createFleetKey();
    const trust = trustText(fleet.publicKey);
    const hostKey = createNkey();
    const gatewayKey = createNkey();
    const broker = startBroker({
      identities: [
        { publicKey: hostKey.publicKey, allow: hostAllowList(hostName) },
        { publicKey: gatewayKey.publicKey, allow: gatewayAllowList(gatewayName) },
      ],
    });
    const busSettings = { servers: [broker.url], tls: null };
    const settings: HostSettings = {
      name: hostName,
      dispatcherUid: 64_123,
      dispatcherGid: 64_123,
      identityFile: write("host.identity", issueIdentity(fleet.secret, "host", hostName)),
      trustFile: write("trust.json", trust),
      revocationsFile: `${folder}/host.revocations`,
      runDirectory: join(folder, "run"),
      pam: {
        enabled: true,
        serviceName: "sallyport-test",
        confdir,
        usePamAuth: false,
        requirePamAuth: true,
        systemLogins: [],
        environment: {},
      },
      bus: { ...busSettings, nkeySeedFile: write("host.nkey", hostKey.seed) },
      warmWorkers: 1,
      maxOpening: 32,
      maxLeases: 100,
      loginGraceMs: 20_000,
      hangupGraceMs: 1_000,
      closeTimeoutMs: 5_000,
      detachMs: 0,
      drainTimeoutMs: 0,
      sessionTimeoutMs: 20_000,
      openFilesSoft: 1_024,
      labels: {},
      labelCommands: {},
      certificates: {},
      labelUid: 64_124,
      allowLogins: null,
      denyLogins: [],
      reload: null,
      acceptEnv: ["LANG"],
      accounts: noAccounts,
      subsystems: {},
      logLevel: "debug",
      logFormat: "human",
      ...changes,
    };
    Deno.mkdirSync(settings.runDirectory, { mode: 0o700 });
    prepare(settings);
    const settingsFile = write("host.json", JSON.stringify(settings));
    const bus = await connectBus({
      settings: { ...busSettings, nkeySeedFile: write("gate.nkey", gatewayKey.seed) },
      name: gatewayName,
      onError: () => {},
    });
    const hosts = new Hosts(bus, readTrust(trust));
    const identity = readIdentity(issueIdentity(fleet.secret, "gateway", gatewayName));
    const leases = new Leases({
      bus,
      name: gatewayName,
      identity,
      trust: new FleetTrust(readTrust(trust)),
      hosts,
      sessionTimeoutMs: 20_000,
    });
    const kit = new HostKit(folder, settings, broker, bus, hosts, leases, identity, settingsFile);
    try {
      await until("the host to be heard", () => hosts.find(hostName));
    } catch (cause) {
      await kit[Symbol.asyncDispose]();
      throw new Error(`Cannot start the host:\n${kit.log}`, { cause });
    }
    return kit;
  }

  async #read(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
      this.log += text;
      if (Deno.env.has("SALLYPORT_TEST_LOG")) Deno.stderr.writeSync(new TextEncoder().encode(text));
    }
  }

  /** A lease for root, whose PAM has not decided yet. */
  open(
    login = "root",
    { user = "alice", session }: { user?: string; session?: number } = {},
  ): Promise<Lease> {
    return this.leases.open({
      target: { login, host: hostName, ...(session !== undefined && { session }) },
      pamAuth: "host-decides",
      ...requestOf(user),
    });
  }

  /** What `user` is told of their sessions. */
  sessions(user = "alice"): Promise<SessionInfo[]> {
    return this.leases.sessionsOn(hostName, requestOf(user));
  }

  /** A lease that PAM has accepted. */
  async accepted(): Promise<Lease> {
    const lease = await this.open();
    assert.equal(await lease.decision, "accepted");
    return lease;
  }

  /** Waits for a line of the host's log and gives its match. */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    return await until(`${pattern} in the host's log, which is\n${this.log}`, () => pattern.exec(this.log));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leases[Symbol.dispose]();
    this.hosts[Symbol.dispose]();
    await this.bus.close();
    try {
      this.monitor.kill("SIGTERM");
    } catch {
      // It has ended already; some tests want that.
    }
    await this.monitor.status;
    // The log ends when the last of the host's processes has.
    await Promise.all(this.#reading);
    await this.broker[Symbol.asyncDispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function requestOf(user: string) {
  return {
    applicant: {
      user,
      roles: ["ops"],
      logins: ["*", "root"],
      deniedLogins: [],
      grant: plainGrant,
      labels: {},
      traits: {},
      method: "publickey",
      fingerprint: "",
    },
    client: { address: "192.0.2.7", port: 4_000, serverAddress: "192.0.2.1", serverPort: 22 },
  };
}

/** One channel of a lease, and all that came back on it. */
export class TestChannel {
  stdout = "";
  stderr = "";
  stdoutBytes = 0;
  readonly records: RecordKind[] = [];
  readonly over: Promise<ChannelExit | { type: "failed"; problem: Problem }>;
  readonly channel: LeaseChannel;
  isPaused = false;
  #unread = 0;
  readonly #opened = Promise.withResolvers<void>();
  onWritable: () => void = () => {};

  constructor(lease: Lease, command: string | null, options: Partial<ChannelOpen> = {}) {
    const { promise, resolve } = Promise.withResolvers<Awaited<TestChannel["over"]>>();
    this.over = promise;
    let exit: ChannelExit | undefined;
    const handlers: ChannelHandlers = {
      onRecord: (kind, data) => {
        this.records.push(kind);
        if (kind === RecordKind.data) {
          this.stdoutBytes += data.length;
          if (this.stdout.length < 100_000) this.stdout += new TextDecoder().decode(data);
        }
        if (kind === RecordKind.stderr) this.stderr += new TextDecoder().decode(data);
        if (kind === RecordKind.message) exit = decodeChannelExit(data);
        if (this.isPaused) this.#unread += data.length;
        else this.channel.stream.consumed(data.length);
        if (kind !== RecordKind.close) return;
        assert.ok(exit);
        resolve(exit);
        this.channel.close();
      },
      onWritable: () => this.onWritable(),
      onOpened: () => this.#opened.resolve(),
      onFailed: (problem) => resolve({ type: "failed", problem }),
    };
    this.channel = lease.openChannel({
      kind: command === null ? "shell" : "exec",
      command: new TextEncoder().encode(command ?? "").toBase64(),
      terminal: null,
      environment: [],
      ...options,
    }, handlers);
  }

  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Gives back the credit held while paused. */
  resume(): void {
    this.isPaused = false;
    this.channel.stream.consumed(this.#unread);
    this.#unread = 0;
  }

  type(text: string): void {
    this.channel.stream.send(RecordKind.data, new TextEncoder().encode(text));
  }

  endInput(): void {
    this.channel.stream.send(RecordKind.eof, new Uint8Array());
  }

  /** Waits until the output so far matches. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    return await until(
      `${pattern} in the output, which is ${JSON.stringify(this.stdout.slice(-2000))}`,
      () => pattern.exec(this.stdout),
    );
  }
}

export const terminal = {
  term: "xterm",
  size: { columns: 80, rows: 24, widthPx: 0, heightPx: 0 },
  modes: "",
};
