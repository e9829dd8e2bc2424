/** Reading a file that a person named, and saying in plain words why it could not be. */

/** @throws {Error} `Cannot read FILE: there is no such file` and the like */
export function readTextFile(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(file));
  } catch (cause) {
    const reason = cause instanceof TypeError ? "it is not UTF-8 text" : reasonOf(cause);
    throw new Error(`Cannot read ${file}: ${reason}`, { cause });
  }
}

/** Why the system would not, without its error number and the call's name. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is no such file";
  const message = cause instanceof Error ? cause.message : String(cause);
  const [, words] = /^(\w.*?) \(os error \d+\)/.exec(message) ?? [];
  return words === undefined ? message : words.charAt(0).toLowerCase() + words.slice(1);
}
