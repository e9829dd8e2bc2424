/** Running a program to its end, with a deadline. */

export interface CommandOptions {
  stdin?: string | Uint8Array | ReadableStream<Uint8Array> | "null";
  env?: Record<string, string>;
  cwd?: string;
  /** It is killed then and the call throws. @default {60_000} */
  timeoutMs?: number;
}

export interface CommandResult {
  /** Exit status; 128 and the signal's number when a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
  /** stdout as it came. */
  bytes: Uint8Array<ArrayBuffer>;
}

export async function run(argv: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { stdin = "null", env, cwd, timeoutMs = 60_000 } = options;
  const child = new Deno.Command(argv[0]!, {
    args: argv.slice(1),
    stdin: stdin === "null" ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(env && { env }),
    ...(cwd && { cwd }),
  }).spawn();
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  try {
    const fed = stdin === "null" ? null : feed(child.stdin, stdin);
    const [output] = await Promise.all([child.output(), fed]);
    const decoder = new TextDecoder();
    const [stdout, stderr] = [decoder.decode(output.stdout), decoder.decode(output.stderr)];
    if (late) {
      throw new Error(`${argv.join(" ")} ran longer than ${timeoutMs / 1000} s\n${stdout}\n${stderr}`);
    }
    return { code: output.code, stdout, stderr, bytes: output.stdout };
  } finally {
    clearTimeout(deadline);
  }
}

/** Like {@link run} for a line of shell; `$1`, `$2`… are `args`. */
export function shell(script: string, args: string[] = [], options: CommandOptions = {}) {
  return run(["/bin/sh", "-c", script, "sh", ...args], options);
}

/** Writes stdin and ends it. A program may stop reading early: that is its own affair. */
async function feed(
  to: WritableStream<Uint8Array<ArrayBufferLike>>,
  stdin: string | Uint8Array | ReadableStream<Uint8Array>,
): Promise<void> {
  const source = typeof stdin === "string"
    ? new Blob([stdin]).stream()
    : stdin instanceof Uint8Array
    ? new Blob([stdin.slice()]).stream()
    : stdin;
  await (source as ReadableStream<Uint8Array>).pipeTo(to).catch(() => {});
}
