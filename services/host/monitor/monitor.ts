/** What the monitor does: answers start and kill, sees to dead workers, and says that the host lives. */

import { readInto } from "../../../ffi/descriptor.ts";
import { describeEnd } from "../../../ffi/process.ts";
import { takeSignal } from "../../../ffi/signal_fd.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import type { HostHeartbeat } from "../../../shared/protocol/lease.ts";
import { heartbeatIntervalMs, leaseOpenTtlMs } from "../../../shared/protocol/limits.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import type { Problem } from "../../../shared/protocol/problems.ts";
import type { MonitorRequest } from "../../../shared/protocol/worker.ts";
import { SteadyClock } from "../../../shared/steady_clock.ts";
import { signEnvelope } from "../../../shared/trust/envelope.ts";
import type { Identity } from "../../../shared/trust/identity.ts";
import { version } from "../../../shared/version.ts";
import { AccountSweeper } from "./accounts.ts";
import { DispatcherProcess } from "./dispatcher_process.ts";
import { Janitors } from "./janitors.ts";
import { Journal } from "./journal.ts";
import type { Log } from "./log.ts";
import { HostLabels } from "./labels.ts";
import { currentLoad } from "./load.ts";
import { Loop } from "./loop.ts";
import { ReplayCache } from "./replay_cache.ts";
import { RevocationFiles } from "./revocations.ts";
import { endedWell, startRole, watchChild } from "./start.ts";
import { Workers } from "./workers.ts";

/** More lease ids in a minute than any host serves; an id takes about 100 bytes. */
const replayCapacity = 65_536;

export interface MonitorOptions {
  settings: HostSettings;
  /** Path of the file `settings` came from, for the processes it starts. */
  settingsFile: string;
  identity: Identity;
  log: Log;
}

export class Monitor {
  readonly #settings: HostSettings;
  readonly #identity: Identity;
  readonly #log: Log;
  /**
   * 128 random bits: what was signed for an earlier monitor is void, since its replay cache is gone. A new dispatcher
   * has a new one too: that is how gateways learn that the leases of the one before it have ended.
   */
  #boot = newBoot();
  #isDraining = false;
  readonly #loop = new Loop();
  readonly #clock = new SteadyClock();
  readonly #replays = new ReplayCache(2 * leaseOpenTtlMs, replayCapacity);
  readonly #janitors: Janitors;
  readonly #accounts: AccountSweeper;
  readonly #revocations: RevocationFiles;
  readonly #labels: HostLabels;
  readonly #workers: Workers;
  readonly #dispatcher: DispatcherProcess;

  constructor({ settings, settingsFile, identity, log }: MonitorOptions) {
    this.#settings = settings;
    this.#identity = identity;
    this.#log = log;
    const loop = this.#loop;
    const journal = new Journal(settings.runDirectory);
    const { closeTimeoutMs, detachMs, warmWorkers } = settings;
    this.#janitors = new Janitors({
      loop,
      log,
      journal,
      settingsFile,
      closeTimeoutMs,
      abandonedMs: this.#endGraceMs(),
    });
    this.#accounts = new AccountSweeper({ loop, log, settings, settingsFile });
    this.#revocations = new RevocationFiles(settings, log);
    this.#labels = new HostLabels({ loop, log, settings, onChange: () => this.#sendHeartbeat() });
    this.#workers = new Workers({
      loop,
      log,
      settingsFile,
      boot: () => this.#boot,
      now: () => this.#clock.now(),
      warmWorkers,
      detachMs,
      onGone: (lease) =>
        this.#janitors.close(lease, () => {
          this.#sayGone(lease);
          this.#lookForRevocations();
          this.#accounts.leaseEnded();
          this.#stopIfDrained();
        }),
    });
    this.#dispatcher = new DispatcherProcess({
      loop,
      log,
      settingsFile,
      onStarted: () => {
        if (this.#isDraining) this.#dispatcher.send({ type: "drain" });
        this.#sendHeartbeat();
        this.#workers.handOver((lease, pid, socket) =>
          this.#dispatcher.send({ type: "worker.kept", lease, pid }, [socket])
        );
      },
      onRequest: (request) => this.#answer(request),
      onGone: () => {
        this.#boot = newBoot();
        this.#workers.abandon(this.#endGraceMs());
      },
    });
  }

  /** Ends {@link run} when the pipe `fd` does: whoever holds its other end is gone. */
  endWith(fd: number): void {
    const buffer = new Uint8Array(new ArrayBuffer(1_024));
    const stop = this.#loop.watch(fd, () => {
      if (readInto(fd, buffer) !== "end") return;
      stop();
      this.#log("warning", "Whoever started the monitor is gone, and it goes as well");
      this.#stop();
    });
  }

  /**
   * Takes signals off `fd` (signalfd(2)): SIGHUP reads what can be read again; SIGTERM drains, and whatever comes then, or
   * instead, ends {@link run}.
   */
  listen(fd: number): void {
    this.#loop.watch(fd, () => {
      const signal = takeSignal(fd);
      if (signal === null) return;
      if (signal === signalNumbers.HUP) return this.#reload();
      if (signal === signalNumbers.TERM && !this.#isDraining) this.#drain();
      else this.#stop();
    });
  }

  /** YAML is not for this process: the launcher reads it, and workers read what that writes. */
  #reload(): void {
    const { reload } = this.#settings;
    if (reload === null) return;
    const failed = (cause: unknown) =>
      this.#log("error", "The configuration was not read again; the old one stays in force", { cause });
    try {
      watchChild(this.#loop, startRole("launcher", reload), (end) => {
        if (!endedWell(end)) return failed(`the launcher has ended with ${describeEnd(end)}`);
        this.#log(
          "info",
          "host.allow_logins and host.deny_logins were read again; the rest waits for a restart",
        );
      });
    } catch (error) {
      failed(error);
    }
  }

  /** No new leases; ends when the last of those there are has ended, or their time is over. */
  #drain(): void {
    this.#isDraining = true;
    const [{ leases }, limitMs] = [this.#workers, this.#settings.drainTimeoutMs];
    this.#log("info", "Draining {leases} leases within {limitMs} ms", { leases, limitMs });
    this.#dispatcher.send({ type: "drain" });
    this.#loop.after(limitMs, () => this.#stop());
    this.#stopIfDrained();
  }

  #stopIfDrained(): void {
    if (this.#isDraining && this.#workers.leases === 0) this.#stop();
  }

  /** Workers close by themselves when their sockets end. */
  #stop(): void {
    this.#log("info", "Stopping");
    this.#dispatcher.send({ type: "stopping" });
    this.#loop.stop();
  }

  /** Runs until {@link endWith} or {@link listen} say so; workers and dispatcher notice that it has ended. */
  run(): void {
    this.#log("info", "Host {host} starts, boot {boot}", { host: this.#settings.name, boot: this.#boot });
    this.#janitors.takeOver();
    this.#accounts.start();
    this.#revocations.look();
    this.#dispatcher.start();
    this.#labels.start();
    this.#beat();
    this.#loop.run();
  }

  /** A worker without a dispatcher is done by then: in PAM, hanging up, or closing PAM. */
  #endGraceMs(): number {
    const { loginGraceMs, hangupGraceMs, closeTimeoutMs } = this.#settings;
    return loginGraceMs + hangupGraceMs + closeTimeoutMs;
  }

  #answer({ type, lease }: MonitorRequest): void {
    if (type === "kill") return this.#workers.kill(lease);
    const problem = this.#start(lease);
    if (problem) this.#dispatcher.send({ type: "worker.refused", lease, problem });
  }

  #start(lease: string): Problem | null {
    const verdict = this.#replays.admit(lease, performance.now());
    if (verdict === "replayed") return "replayed";
    // The dispatcher bounds logins in PAM, which only it can tell; the monitor bounds processes.
    if (verdict === "full" || this.#workers.leases >= this.#settings.maxLeases) return "host-busy";
    try {
      const { pid, socket } = this.#workers.assign(lease);
      this.#dispatcher.send({ type: "worker.started", lease, pid }, [socket]);
      this.#workers.release(lease);
      return null;
    } catch (cause) {
      this.#log("error", "Cannot start a worker for lease {lease}", { lease, cause });
      return "host-busy";
    }
  }

  #sayGone(lease: string): void {
    this.#dispatcher.send({ type: "worker.gone", lease });
  }

  #beat(): void {
    this.#loop.after(heartbeatIntervalMs, () => {
      this.#lookForRevocations();
      this.#sendHeartbeat();
      this.#beat();
    });
  }

  #lookForRevocations(): void {
    const list = this.#revocations.look();
    if (list === null) return;
    const { serial } = list;
    this.#log("info", "List {serial} of revoked members is in force", { serial });
    this.#dispatcher.send({ type: "revocations", list: list.line });
    this.#sendHeartbeat();
  }

  #sendHeartbeat(): void {
    const heartbeat: HostHeartbeat = {
      type: "host.heartbeat.v1",
      host: this.#settings.name,
      boot: this.#boot,
      at: this.#clock.now(),
      version,
      leases: this.#workers.leases,
      load: currentLoad(),
      draining: this.#isDraining,
      labels: this.#labels.all,
      revocations: this.#revocations.serial,
    };
    const envelope = signEnvelope(this.#identity, heartbeat).toBase64();
    const { boot, revocations } = heartbeat;
    this.#dispatcher.send({ type: "heartbeat", envelope, boot, revocations });
  }
}

function newBoot(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}
