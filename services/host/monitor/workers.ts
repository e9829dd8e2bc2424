/** Workers: a few idle ones kept ready, and one for each lease. */

import { killProcess } from "../../../ffi/process.ts";
import { closeDescriptor, sendRecord, socketPair } from "../../../ffi/socket.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import { encodeWorkerRequest } from "../../../shared/protocol/worker.ts";
import type { Log } from "./log.ts";
import type { Loop } from "./loop.ts";
import { describeEnd, endedWell, startRole, watchChild } from "./start.ts";

/** Starting takes a worker about this long, milliseconds of processor time (measured). */
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
}

export interface WorkersOptions {
  loop: Loop;
  log: Log;
  settingsFile: string;
  /** The boot id requests must be signed for now. */
  boot: () => string;
  /** Idle workers kept ready. */
  warmWorkers: number;
  /** A lease's worker has ended, however. */
  onGone: (lease: string) => void;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #workers = new Set<Worker>();
  #backOffMs = firstBackOffMs;
  #refilling = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
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
    const assignment = encodeWorkerRequest({ type: "assign", lease, boot: this.#options.boot() });
    sendRecord(worker.socket, encodeJson(assignment));
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

  /** Nobody talks to the workers any more: those that have not ended after `graceMs` are killed. */
  abandon(graceMs: number): void {
    for (const worker of this.#workers) {
      const { lease } = worker;
      if (lease === null) continue;
      this.#closeSocket(worker);
      this.#options.loop.after(graceMs, () => this.kill(lease));
    }
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

  #start(): Worker {
    const [own, theirs] = socketPair();
    let pid: number;
    try {
      pid = startRole("worker", [this.#options.settingsFile], theirs);
    } catch (error) {
      closeDescriptor(own);
      throw error;
    } finally {
      closeDescriptor(theirs);
    }
    const worker: Worker = { pid, socket: own, startedAt: performance.now(), lease: null };
    this.#workers.add(worker);
    watchChild(this.#options.loop, pid, (end) => {
      this.#workers.delete(worker);
      this.#closeSocket(worker);
      const properties = { pid, lease: worker.lease, end: describeEnd(end) };
      if (worker.lease === null) {
        this.#options.log("error", "An idle worker has ended by itself: {end}", properties);
        this.#backOff();
        return;
      }
      if (!endedWell(end)) this.#options.log("error", "The worker of lease {lease} died: {end}", properties);
      this.#options.onGone(worker.lease);
    });
    return worker;
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
