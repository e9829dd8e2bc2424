/** The dispatcher as the monitor sees it: a child that may be hostile, behind a socket that may be full. */

import { Errno, SystemError } from "../../../ffi/errno.ts";
import { describeEnd, killProcess } from "../../../ffi/process.ts";
import { closeDescriptor, receiveRecord, sendRecord, setNonBlocking } from "../../../ffi/socket.ts";
import { encodeJson } from "../../../shared/protocol/codec.ts";
import { signalNumbers } from "../../../shared/protocol/names.ts";
import {
  decodeMonitorRequest,
  type MonitorMessage,
  type MonitorRequest,
  monitorRequestBytes,
} from "../../../shared/protocol/worker.ts";
import { BackOff } from "./back_off.ts";
import type { Log } from "./log.ts";
import type { Loop } from "./loop.ts";
import { startWithSocket, watchChild } from "./start.ts";

/** Without a dispatcher nobody can log in. */
const maxPauseMs = 10_000;

export interface DispatcherOptions {
  loop: Loop;
  log: Log;
  settingsFile: string;
  onStarted: () => void;
  onRequest: (request: MonitorRequest) => void;
  /** It is gone; another one is started after a pause. */
  onGone: () => void;
}

export class DispatcherProcess {
  readonly #options: DispatcherOptions;
  readonly #buffer = new Uint8Array(new ArrayBuffer(monitorRequestBytes));
  #socket = -1;
  #pid = 0;
  readonly #backOff: BackOff;
  #stopWatching: () => void = () => {};

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.loop, maxPauseMs);
  }

  start(): void {
    const { loop, log, settingsFile, onStarted, onGone } = this.#options;
    let own: number;
    try {
      ({ pid: this.#pid, socket: own } = startWithSocket("dispatcher", [settingsFile]));
    } catch (cause) {
      log("error", "Cannot start the dispatcher", { cause });
      return this.#restart();
    }
    setNonBlocking(own, true);
    this.#socket = own;
    this.#stopWatching = loop.watch(own, () => this.#receive());
    this.#backOff.started();
    watchChild(loop, this.#pid, (end) => {
      this.#close();
      log("error", "The dispatcher has ended: {end}", { end: describeEnd(end) });
      onGone();
      this.#restart();
    });
    onStarted();
  }

  /**
   * Sends `message`; a descriptor that goes with it is copied.
   *
   * @returns `false` if there is no dispatcher to take it
   */
  send(message: MonitorMessage, descriptors: number[] = []): boolean {
    if (this.#socket < 0) return false;
    try {
      sendRecord(this.#socket, encodeJson(message), descriptors);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // Room for hundreds of messages is used up: it does not read any more, and without it nothing works.
      const reason = error.errno === Errno.EAGAIN ? "it takes no messages" : error.message;
      this.#kill(reason);
      return false;
    }
  }

  #receive(): void {
    let request: MonitorRequest;
    try {
      const received = receiveRecord(this.#socket, this.#buffer);
      if (received === "again") return;
      if (received === null) return this.#kill("it has closed its socket");
      received.descriptors.forEach(closeDescriptor);
      request = decodeMonitorRequest(this.#buffer.subarray(0, received.length));
    } catch (error) {
      return this.#kill(String(error));
    }
    this.#options.onRequest(request);
  }

  #kill(reason: string): void {
    if (this.#socket < 0) return;
    this.#close();
    this.#options.log("error", "Killing the dispatcher: {reason}", { reason });
    killProcess(this.#pid, signalNumbers.KILL);
  }

  #close(): void {
    if (this.#socket < 0) return;
    this.#stopWatching();
    closeDescriptor(this.#socket);
    this.#socket = -1;
  }

  #restart(): void {
    this.#backOff.startAgain(() => this.start());
  }
}
