/** A channel's standard descriptors: a terminal of the account's, or three pipes. */

import { makePipe } from "../../../ffi/descriptor.ts";
import { groupByName } from "../../../ffi/passwd.ts";
import { allocatePty, changeWindowSize, setPtyOwner } from "../../../ffi/pty.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import type { SpawnOptions } from "../../../ffi/spawn.ts";
import { applyTerminalModes } from "../../../ffi/terminal_modes.ts";
import type { TerminalRequest } from "../../../shared/protocol/channel.ts";
import { fromBase64 } from "../../../shared/protocol/codec.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import type { Identity } from "./identity.ts";

/** Disposing closes this process's copies of every descriptor. */
export interface ChannelStdio extends Disposable {
  forChild: SpawnOptions["stdio"];
  /** `[pty]`, or the other ends of `[stdin, stdout, stderr]`. */
  forDispatcher: number[];
  /** Device of the terminal, or empty. */
  tty: string;
}

/** @throws {ProblemError} `pty-failed` or `spawn-failed` */
export function openStdio(terminal: TerminalRequest | null, identity: Identity): ChannelStdio {
  try {
    return terminal ? openTerminal(terminal, identity) : openPipes();
  } catch (cause) {
    throw new ProblemError(terminal ? "pty-failed" : "spawn-failed", undefined, { cause });
  }
}

function openTerminal(terminal: TerminalRequest, identity: Identity): ChannelStdio {
  const { fd, path } = allocatePty();
  try {
    // Group tty lets write(1) and wall(1) through, as with every other login.
    setPtyOwner(path, identity.uid, groupByName("tty")?.gid ?? identity.gid);
    applyTerminalModes(fd, fromBase64(terminal.modes));
    changeWindowSize(fd, terminal.size);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  return {
    forChild: { tty: path },
    forDispatcher: [fd],
    tty: path,
    [Symbol.dispose]: () => closeDescriptor(fd),
  };
}

function openPipes(): ChannelStdio {
  using opened = new DisposableStack();
  const pipe = (): [readEnd: number, writeEnd: number] => {
    const ends = makePipe();
    for (const end of ends) opened.defer(() => closeDescriptor(end));
    return ends;
  };
  const [stdin, stdinWrite] = pipe();
  const [stdoutRead, stdout] = pipe();
  const [stderrRead, stderr] = pipe();
  const kept = opened.move();
  return {
    forChild: { descriptors: [stdin, stdout, stderr] },
    forDispatcher: [stdinWrite, stdoutRead, stderrRead],
    tty: "",
    [Symbol.dispose]: () => kept.dispose(),
  };
}
