/**
 * Running a part of a test in a process of its own, for what changes a whole process: ids, limits, masks, signals.
 * Run by itself, this file is that process.
 */

import * as descriptor from "../../ffi/descriptor.ts";
import * as limits from "../../ffi/limits.ts";
import * as pam from "../../ffi/pam.ts";
import * as privileges from "../../ffi/privileges.ts";
import * as process from "../../ffi/process.ts";
import * as signals from "../../ffi/signal_fd.ts";
import * as socket from "../../ffi/socket.ts";
import * as spawn from "../../ffi/spawn.ts";

/** What the part of the test gets to work with. */
const ffi = { ...descriptor, ...limits, ...pam, ...privileges, ...process, ...signals, ...socket, ...spawn };
export type Ffi = typeof ffi;

export interface Outcome<T> {
  /** What the part returned, through JSON. */
  value: T | undefined;
  stdout: string;
  stderr: string;
  code: number;
  signal: Deno.Signal | null;
}

/**
 * Calls `body` in a new process and returns how that went.
 *
 * @param body Its text is what runs: it sees its two arguments and nothing else of the test
 * @param argument Goes through JSON
 */
export async function inOwnProcess<A, T>(
  body: (ffi: Ffi, argument: A) => T,
  argument: A,
): Promise<Outcome<T>> {
  const resultFile = await Deno.makeTempFile();
  try {
    const { stdout, stderr, code, signal } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        import.meta.filename!,
        body.toString(),
        JSON.stringify(argument),
        resultFile,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const result = await Deno.readTextFile(resultFile);
    const text = new TextDecoder();
    const value = result === "" ? undefined : JSON.parse(result) as T;
    return { value, stdout: text.decode(stdout), stderr: text.decode(stderr), code, signal };
  } finally {
    await Deno.remove(resultFile);
  }
}

/** As {@link inOwnProcess}, for a part that is to succeed: gives what it returned. */
export async function resultOf<A, T>(body: (ffi: Ffi, argument: A) => T, argument: A): Promise<T> {
  const { value, code, stderr } = await inOwnProcess(body, argument);
  if (code !== 0 || value === undefined) throw new Error(`The process ended with ${code}: ${stderr}`);
  return value;
}

if (import.meta.main) {
  const [source, argument, resultFile] = Deno.args as [string, string, string];
  // Opened first: the part may give up the right to.
  using file = await Deno.open(resultFile, { write: true });
  const body = new Function(`return (${source})`)() as (given: Ffi, argument: unknown) => unknown;
  const result = body(ffi, JSON.parse(argument));
  await file.write(new TextEncoder().encode(JSON.stringify(result)));
}
