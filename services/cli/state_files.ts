/** Files made on first use and kept ever after. */

import { Failure, sentenceOf } from "./failure.ts";

/** Writes `file` with what `make` returns, unless it exists; never leaves half a file behind. */
export function createOnce(file: string, mode: number, make: () => string): void {
  if (exists(file)) return;
  const temporary = `${file}.new`;
  const text = make();
  try {
    Deno.writeTextFileSync(temporary, text, { mode });
    // The umask may have taken bits away, and an older leftover keeps its own.
    Deno.chmodSync(temporary, mode);
    Deno.renameSync(temporary, file);
  } catch (cause) {
    throw new Failure(`Cannot write ${file}: ${sentenceOf(cause)}`);
  }
}

export function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw new Failure(`Cannot look at ${file}: ${sentenceOf(cause)}`);
  }
}

/** @throws {Failure} */
export function readOwn(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new Failure(`Cannot read ${file}: ${sentenceOf(cause)}`);
  }
}

/** Makes a folder, unless it is there. @throws {Failure} */
export function makeFolder(folder: string, mode = 0o700): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode });
  } catch (cause) {
    throw new Failure(`Cannot make the folder ${folder}: ${sentenceOf(cause)}`);
  }
}
