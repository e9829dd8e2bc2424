/** Keeps our processes running: starts them in order, restarts what dies, ends all of them within a bound. */

import type { Logger } from "../../../shared/log.ts";
import { Failure } from "../failure.ts";

export interface Role {
  name: string;
  /** Arguments for Deno. */
  args: string[];
  /** Resolves once the process does its work; rejects never, ends with `signal`. */
  ready: (signal: AbortSignal) => Promise<void>;
  /** What it may take to end after SIGINT; then SIGKILL. */
  stopTimeoutMs: number;
}

export interface SupervisorOptions {
  /** Roles of one stage start together, once all of the stage before are ready. */
  stages: Role[][];
  /** Names of roles in the order they end. */
  stopOrder: string[];
  environment: Record<string, string>;
  log: Logger;
}

/** First and longest pause before a dead process is started again; it doubles in between. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** A process that lived this long starts with the first pause again. */
const stableMs = 60_000;
/** A process that is not ready by then will not be. */
const readyTimeoutMs = 60_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #running = new Map<string, Deno.ChildProcess>();
  readonly #watches: Promise<void>[] = [];
  readonly #stopping = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Starts every role; resolves when all are ready.
   *
   * @throws {Failure} When one ends, or is not ready in time; the others still run and want {@link stop}
   */
  async start(): Promise<void> {
    for (const stage of this.#options.stages) {
      if (this.#stopping.signal.aborted) return;
      await Promise.all(stage.map((role) => this.#startOne(role)));
    }
  }

  async #startOne(role: Role): Promise<void> {
    const done = new AbortController();
    const limit = AbortSignal.any([done.signal, this.#stopping.signal, AbortSignal.timeout(readyTimeoutMs)]);
    // Listening comes first: the first heartbeat must not be missed.
    const ready = role.ready(limit);
    const child = this.#spawn(role);
    await this.#untilReady(role, child, ready, limit);
    done.abort();
    this.#watches.push(this.#keepRunning(role, child));
  }

  #spawn(role: Role): Deno.ChildProcess {
    const child = new Deno.Command(Deno.execPath(), {
      args: role.args,
      clearEnv: true,
      env: this.#options.environment,
      // Ctrl-C in a terminal reaches a whole process group; they are to end in order, at our word.
      detached: true,
      // The folder `start` was called from may not be readable for the ids our processes drop to.
      cwd: "/",
      // Held open and never written: it ends when this process does, however that is.
      stdin: "piped",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    this.#running.set(role.name, child);
    return child;
  }

  async #untilReady(
    role: Role,
    child: Deno.ChildProcess,
    ready: Promise<void>,
    limit: AbortSignal,
  ): Promise<void> {
    const ended = child.status.then((status) => ({ status }));
    const outcome = await Promise.race([ready.then(() => null), ended]);
    if (this.#stopping.signal.aborted) return;
    if (outcome !== null) {
      throw new Failure(
        `Cannot start the ${role.name}: it ended with ${endText(outcome.status)}; its reason is above`,
      );
    }
    if (limit.aborted) {
      throw new Failure(
        `Cannot start the ${role.name}: it was not ready within ${readyTimeoutMs / 1_000} seconds`,
      );
    }
  }

  async #keepRunning(role: Role, first: Deno.ChildProcess): Promise<void> {
    let pauseMs = firstPauseMs;
    for (let child = first;; child = this.#spawn(role)) {
      const startedAt = Date.now();
      const status = await child.status;
      await child.stdin.close().catch(() => {});
      this.#running.delete(role.name);
      if (this.#stopping.signal.aborted) return;
      if (Date.now() - startedAt >= stableMs) pauseMs = firstPauseMs;
      this.#options.log.error("The {role} ended with {end}; it starts again in {pauseMs} ms", {
        role: role.name,
        end: endText(status),
        pauseMs,
      });
      await pause(pauseMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  /** Sends a signal to the process of a role, if it runs. */
  signal(name: string, signal: Deno.Signal): void {
    const child = this.#running.get(name);
    if (child) tryKill(child, signal);
  }

  /** Ends every process, one after the other; resolves when all are gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const roles = this.#options.stages.flat();
    for (const name of this.#options.stopOrder) {
      const child = this.#running.get(name);
      const role = roles.find((known) => known.name === name);
      if (child && role) await end(child, role.stopTimeoutMs);
      this.#running.delete(name);
    }
    await Promise.all(this.#watches);
  }
}

async function end(child: Deno.ChildProcess, stopTimeoutMs: number): Promise<void> {
  // SIGTERM would let sessions go on; without the other parts they could not.
  tryKill(child, "SIGINT");
  const timer = setTimeout(() => tryKill(child, "SIGKILL"), stopTimeoutMs);
  await child.status;
  clearTimeout(timer);
}

function tryKill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended on its own.
  }
}

function endText({ code, signal }: Deno.CommandStatus): string {
  return signal === null ? `exit status ${code}` : signal;
}

/** Resolves after `ms`, or at once when `signal` is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const timer = setTimeout(finish, ms);
  function finish(): void {
    clearTimeout(timer);
    signal.removeEventListener("abort", finish);
    resolve();
  }
  signal.addEventListener("abort", finish);
  return promise;
}
