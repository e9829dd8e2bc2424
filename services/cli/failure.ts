/** How a command of ours ends, and the sentence it ends with. */

/** Exit codes as s6 has them. */
export const ExitCode = {
  ok: 0,
  /** A negative answer: the doctor found something. */
  no: 1,
  /** The command line or the configuration is wrong. */
  usage: 100,
  /** The system would not; trying again later may help. */
  system: 111,
} as const;
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** Ends the command with one sentence for the person and no stack trace. */
export class Failure extends Error {
  override name = "Failure";
  constructor(message: string, readonly exitCode: ExitCode = ExitCode.system, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The sentence of anything thrown. */
export function sentenceOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** @throws {Failure} */
export function mustBeRoot(what: string): void {
  if (Deno.uid() === 0) return;
  throw new Failure(
    `Cannot ${what} as uid ${Deno.uid()}: run it as root, for instance with sudo`,
    ExitCode.usage,
  );
}
