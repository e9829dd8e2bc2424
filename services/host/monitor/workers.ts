/** Workers: a few idle ones kept ready, and one for each lease; forked from the zygote, or spawned without one. */

import { type ChildEnd, describeEnd, killProcess } from "../../../ffi/process.ts";
import { closeDescriptor, sendRecord, setNonBlocking, socketPair } from "../../../ffi/socket.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import { type Assign, encodeWorkerRequest, type Handover } from "../../../shared/protocol/worker.ts";
import type { Log } from "./log.ts";
import type { Loop } from "./loop.ts";
import { endedWell, startWithSocket, watchChild, watchStranger } from "./start.ts";
import { Zygote } from "./zygote.ts";

/** Spawning takes a worker about this long, milliseconds of processor time (measured); a forked one is there in 10. */
const startingMs = 150;
/** Idle workers started at one time: logins that wait for theirs come first. */
const maxStarting = 2;
/** Pause after an idle worker that ended by itself, doubled each time. */
const firstBackOffMs = 1_000;
const maxBackOffMs = 60_000;

interface Worker {
  pid: number;
  /** The monitor's end of its socket; -1 once the dispatcher has it. */
  socket: number;
  startedAt: number;
  lease: string | null;
  /** Where it is told of a new dispatcher; -1 when it does not outlive the one it has. */
  handovers: number;
  /** Lets it live on although its dispatcher is gone. */
  spare: () => void;
}

export interface WorkersOptions {
  loop: Loop;
  log: Log;
  settingsFile: string;
  /** The boot id requests must be signed for now. */
  boot: () => string;
  /** The host's clock. */
  now: () => number;
  /** Idle workers kept ready. */
  warmWorkers: number;
  /** How long sessions outlive a dispatcher; 0: not at all. */
  detachMs: number;
  /** A lease's worker has ended, however. */
  onGone: (lease: string) => void;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #workers = new Set<Worker>();
  readonly #zygote: Zygote;
  #backOffMs = firstBackOffMs;
  #refilling = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    const { loop, log, settingsFile } = options;
    this.#zygote = new Zygote({ loop, log, settingsFile, onSettled: () => this.#refillAfter(0) });
    this.#zygote.start();
    this.#refillAfter(0);
  }

  /** Leases that have a worker. */
  get leases(): number {
    let count = 0;
    for (const worker of this.#workers) if (worker.lease !== null) count++;
    return count;
  }

  /**
   * Gives `lease` a worker: an idle one, the oldest first, or a new one.
   *
   * @returns Its pid, and the socket that is to be passed on and then {@link release}d
   * @throws {SystemError}
   */
  assign(lease: string): { pid: number; socket: number } {
    const worker = this.#idle()[0] ?? this.#start();
    worker.lease = lease;
    const { boot, now } = this.#options;
    const assignment: Assign = { type: "assign", lease, boot: boot(), now: now() };
    const theirs = this.#openHandovers(worker);
    try {
      sendRecord(worker.socket, encodeWorkerRequest(assignment), theirs);
    } finally {
      theirs.forEach(closeDescriptor);
    }
    this.#backOffMs = firstBackOffMs;
    this.#refillAfter(startingMs);
    return worker;
  }

  /** Closes the monitor's copy of the socket: the worker now lives as long as the dispatcher's. */
  release(lease: string): void {
    const worker = this.#of(lease);
    if (worker) this.#closeSocket(worker);
  }

  /** Kills the lease's worker and whatever its PAM modules are waiting for. */
  kill(lease: string): void {
    const worker = this.#of(lease);
    if (!worker) return;
    this.#options.log("warning", "Killing worker {pid} of lease {lease}", { pid: worker.pid, lease });
    killProcess(-worker.pid, signalNumbers.KILL);
  }

  /**
   * Nobody talks to the workers any more: those that have not ended after `graceMs` are killed. Those with sessions to
   * keep wait longer, by themselves, for {@link handOver}.
   */
  abandon(graceMs: number): void {
    const { loop, detachMs } = this.#options;
    for (const worker of this.#workers) {
      const { lease } = worker;
      if (lease === null) continue;
      this.#closeSocket(worker);
      worker.spare();
      worker.spare = loop.after(detachMs + graceMs, () => this.kill(lease));
    }
  }

  /**
   * There is a dispatcher again: whoever waits for one gets a socket to it.
   *
   * @param pass Gives the dispatcher its end; `false` if it could not be given
   */
  handOver(pass: (lease: string, pid: number, socket: number) => boolean): void {
    for (const worker of this.#workers) {
      const { lease, pid, handovers } = worker;
      if (lease === null || handovers < 0) continue;
      const [own, theirs] = socketPair();
      try {
        const handover: Handover = { type: "handover" };
        sendRecord(handovers, encodeWorkerRequest(handover), [theirs]);
        if (pass(lease, pid, own)) worker.spare();
      } catch (cause) {
        this.#options.log("warning", "Worker {pid} cannot be handed over", { pid, lease, cause });
      } finally {
        closeDescriptor(own);
        closeDescriptor(theirs);
      }
    }
  }

  /** @returns The worker's end, if it is to have one */
  #openHandovers(worker: Worker): number[] {
    if (this.#options.detachMs === 0) return [];
    const [own, theirs] = socketPair();
    setNonBlocking(own, true);
    worker.handovers = own;
    return [theirs];
  }

  #of(lease: string): Worker | undefined {
    for (const worker of this.#workers) if (worker.lease === lease) return worker;
    return undefined;
  }

  #idle(): Worker[] {
    return [...this.#workers].filter((worker) => worker.lease === null);
  }

  #closeSocket(worker: Worker): void {
    if (worker.socket >= 0) closeDescriptor(worker.socket);
    worker.socket = -1;
  }

  #closeHandovers(worker: Worker): void {
    if (worker.handovers >= 0) closeDescriptor(worker.handovers);
    worker.handovers = -1;
  }

  #start(): Worker {
    return this.#fork() ?? this.#spawn();
  }

  /** By the zygote; `null` if there is none. */
  #fork(): Worker | null {
    const { loop } = this.#options;
    const [own, theirs] = socketPair();
    const pid = this.#zygote.fork(theirs);
    closeDescriptor(theirs);
    if (pid === null) {
      closeDescriptor(own);
      return null;
    }
    const worker = this.#add(pid, own);
    // The zygote's child: how it ended is not to be had, and its journal entry says what matters.
    watchStranger(loop, pid, () => this.#ended(worker, null));
    return worker;
  }

  #spawn(): Worker {
    const { loop, settingsFile } = this.#options;
    const { pid, socket } = startWithSocket("worker", [settingsFile]);
    const worker = this.#add(pid, socket);
    watchChild(loop, pid, (end) => this.#ended(worker, end));
    return worker;
  }

  #add(pid: number, socket: number): Worker {
    const startedAt = performance.now();
    const worker: Worker = { pid, socket, startedAt, lease: null, handovers: -1, spare: () => {} };
    this.#workers.add(worker);
    return worker;
  }

  /** @param end `null` if it is not known */
  #ended(worker: Worker, end: ChildEnd | null): void {
    const { pid, lease } = worker;
    const { log, onGone } = this.#options;
    this.#workers.delete(worker);
    this.#closeSocket(worker);
    this.#closeHandovers(worker);
    worker.spare();
    const properties = { pid, lease, end: end ? describeEnd(end) : "unknown" };
    if (lease === null) {
      log("error", "An idle worker has ended by itself: {end}", properties);
      return this.#backOff();
    }
    if (end && !endedWell(end)) log("error", "The worker of lease {lease} died: {end}", properties);
    onGone(lease);
  }

  #backOff(): void {
    this.#refillAfter(this.#backOffMs);
    this.#backOffMs = Math.min(2 * this.#backOffMs, maxBackOffMs);
  }

  #refillAfter(delayMs: number): void {
    if (this.#refilling || this.#idle().length >= this.#options.warmWorkers) return;
    this.#refilling = true;
    this.#options.loop.after(delayMs, () => {
      this.#refilling = false;
      this.#refill();
    });
  }

  #refill(): void {
    // It calls again when it is ready, or is not going to be; a login that cannot wait has its worker spawned.
    if (this.#zygote.isStarting) return;
    const young = performance.now() - startingMs;
    let starting = 0;
    for (const worker of this.#workers) if (worker.startedAt > young) starting++;
    try {
      for (; starting < maxStarting && this.#idle().length < this.#options.warmWorkers; starting++) {
        this.#start();
      }
    } catch (cause) {
      this.#options.log("error", "Cannot start an idle worker", { cause });
      return this.#backOff();
    }
    this.#refillAfter(startingMs);
  }
}
