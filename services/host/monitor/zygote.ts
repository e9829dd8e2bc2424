/** The zygote as the monitor sees it: there most of the time; without it workers are spawned. */

import { SystemError } from "../../../ffi/errno.ts";
import { describeEnd, killProcess, poll } from "../../../ffi/process.ts";
import { closeDescriptor, receiveRecord, sendRecord } from "../../../ffi/socket.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import { maxRecordBytes } from "../../../shared/protocol/limits.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import { decodeZygoteReply, type ZygoteReply, type ZygoteRequest } from "../../../shared/protocol/zygote.ts";
import { BackOff } from "./back_off.ts";
import type { Log } from "./log.ts";
import type { Loop } from "./loop.ts";
import { startWithSocket, watchChild } from "./start.ts";

/** Loading and its self-check take a quarter of a second. */
const readyMs = 10_000;
/** A fork takes milliseconds; the monitor does nothing else meanwhile. */
const forkMs = 2_000;
/** Without a zygote workers are spawned: one that does not work here is not tried too often. */
const maxPauseMs = 600_000;

export interface ZygoteOptions {
  loop: Loop;
  log: Log;
  settingsFile: string;
  /** It has become ready, or has failed to. */
  onSettled: () => void;
}

export class Zygote {
  readonly #options: ZygoteOptions;
  readonly #buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  #state: "absent" | "starting" | "ready" = "absent";
  #socket = -1;
  #pid = 0;
  readonly #backOff: BackOff;
  /** One warning for a series of failures. */
  #hasWarned = false;
  #stopWatching: () => void = () => {};

  constructor(options: ZygoteOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.loop, maxPauseMs);
  }

  /** Whether it is worth waiting for. */
  get isStarting(): boolean {
    return this.#state === "starting";
  }

  start(): void {
    const { loop, settingsFile } = this.#options;
    try {
      ({ pid: this.#pid, socket: this.#socket } = startWithSocket("zygote", [settingsFile]));
    } catch (error) {
      this.#pid = 0;
      this.#warn(String(error));
      return this.#restart();
    }
    this.#state = "starting";
    this.#stopWatching = loop.watch(this.#socket, () => this.#receive());
    this.#backOff.started();
    const cancel = loop.after(readyMs, () => {
      if (this.#state === "starting") this.#fail("it does not become ready");
    });
    watchChild(loop, this.#pid, (end) => {
      cancel();
      this.#pid = 0;
      this.#fail(describeEnd(end));
      this.#restart();
    });
  }

  /**
   * Has a worker forked that serves `socket`, within a bounded time.
   *
   * @returns Its pid; it is no child of the monitor. `null` if there is no zygote to do it; `socket` must not be given
   * to anybody else then, because a worker may have it after all
   */
  fork(socket: number): number | null {
    if (this.#state !== "ready") return null;
    try {
      const request: ZygoteRequest = { type: "fork" };
      sendRecord(this.#socket, encodeJson(request), [socket]);
      const [events] = poll([{ fd: this.#socket }], forkMs);
      if (events === 0) this.#fail("it does not answer");
      else {
        const reply = this.#read();
        if (reply?.type === "forked") return reply.pid;
        this.#fail(reply?.type === "failed" ? reply.cause : "it has closed its socket");
      }
    } catch (error) {
      this.#fail(error instanceof SystemError ? error.message : String(error));
    }
    return null;
  }

  #read(): ZygoteReply | null {
    const received = receiveRecord(this.#socket, this.#buffer);
    if (received === null || received === "again") return null;
    received.descriptors.forEach(closeDescriptor);
    return decodeZygoteReply(this.#buffer.subarray(0, received.length));
  }

  /** What it says unasked: that it is ready, or why it ends. */
  #receive(): void {
    let reply: ZygoteReply | null;
    try {
      reply = this.#read();
    } catch (error) {
      return this.#fail(String(error));
    }
    if (reply?.type !== "ready" || this.#state !== "starting") {
      return this.#fail(reply?.type === "failed" ? reply.cause : "it has closed its socket");
    }
    this.#state = "ready";
    this.#options.log(this.#hasWarned ? "info" : "debug", "Workers are forked from zygote {pid}", {
      pid: this.#pid,
    });
    this.#hasWarned = false;
    this.#options.onSettled();
  }

  /** Gives it up; its end, which follows, has another one started. */
  #fail(reason: string): void {
    if (this.#socket < 0) return;
    this.#stopWatching();
    closeDescriptor(this.#socket);
    this.#socket = -1;
    this.#warn(reason);
    if (this.#pid > 0) killProcess(this.#pid, signalNumbers.KILL);
    const wasStarting = this.#state === "starting";
    this.#state = "absent";
    if (wasStarting) this.#options.onSettled();
  }

  #warn(reason: string): void {
    const level = this.#hasWarned ? "debug" : "warning";
    this.#hasWarned = true;
    this.#options.log(level, "Workers are spawned, without a zygote: {reason}", { reason });
  }

  #restart(): void {
    this.#backOff.startAgain(() => this.start());
  }
}
