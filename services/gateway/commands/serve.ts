/** A session channel on which the gateway itself answers, in place of an account on a host. */

import type { Logger } from "../../../shared/log.ts";
// @ts-types="@types/ssh2"
import type { ServerChannel, Session } from "ssh2";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import { closeChannel, sendEof, sendExit } from "../ssh2/mod.ts";
import type { CommandContext } from "./command.ts";
import { runCommand } from "./mod.ts";

const failureCode = 1;
/** What ^C is on a terminal whose client passes every key on. */
const endOfText = 3;
const maxWordsBytes = 4_096;

/**
 * @param command Its name, without the plus
 * @param done Called once, when the channel is over
 */
export function serveCommand(
  session: Session,
  command: string,
  context: Omit<CommandContext, "isTerminal" | "signal" | "print">,
  log: Logger,
  done: () => void,
): void {
  const left = new AbortController();
  let isTerminal = false;
  let started = false;

  const start = (ssh: ServerChannel, words: string) => {
    started = true;
    ssh.on("data", (bytes: Uint8Array) => isTerminal && bytes.includes(endOfText) && left.abort());
    ssh.on("close", () => left.abort());
    ssh.on("error", () => left.abort());
    const print = (text: string) =>
      write(ssh, isTerminal ? text.replaceAll("\n", "\r\n") : text, left.signal);
    const all = { ...context, isTerminal, signal: left.signal, print };
    const split = words.split(/\s+/).filter((word) => word !== "");
    runCommand(command, split, all).catch((error) => explain(ssh, error, log, left.signal)).then((code) => {
      left.abort();
      sendEof(ssh);
      sendExit(ssh, { code });
      closeChannel(ssh);
      done();
    });
  };

  session.on("pty", (accept, reject) => {
    if (started) return reject?.();
    isTerminal = true;
    accept?.();
  });
  session.on("shell", (accept, reject) => started ? reject() : start(accept(), ""));
  session.on("exec", (accept, reject, { command }) => {
    if (started || command.length > maxWordsBytes) return reject();
    start(accept(), command);
  });
  session.on("window-change", (accept) => accept?.());
  session.on("signal", (accept) => {
    left.abort();
    accept?.();
  });
  session.on("close", () => {
    left.abort();
    if (!started) done();
  });
}

/** Resolves when the client has taken the text, or is gone. */
function write(to: { write: ServerChannel["write"] }, text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done);
    to.write(text, done);
  });
}

async function explain(
  ssh: ServerChannel,
  error: unknown,
  log: Logger,
  signal: AbortSignal,
): Promise<number> {
  if (!(error instanceof ProblemError)) {
    log.error("A command has failed: {cause}", { cause: String(error) });
  }
  const { message } = error instanceof ProblemError ? error : new ProblemError("internal");
  await write(ssh.stderr as unknown as ServerChannel, `sallyport: ${message}\r\n`, signal);
  return failureCode;
}
