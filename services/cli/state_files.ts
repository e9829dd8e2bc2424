/** Files made on first use and kept ever after. */

import { readTextFile, reasonOf } from "../../shared/text_file.ts";
import { Failure, sentenceOf } from "./failure.ts";

/** Writes `file` with what `make` returns, unless it exists. @throws {Failure} */
export function createOnce(file: string, mode: number, make: () => string): void {
  if (!exists(file)) writeWhole(file, mode, make());
}

/** Writes `file`, or replaces it; never leaves half a file behind. @throws {Failure} */
export function writeWhole(file: string, mode: number, text: string): void {
  const temporary = `${file}.new`;
  try {
    Deno.writeTextFileSync(temporary, text, { mode });
    // The umask may have taken bits away, and an older leftover keeps its own.
    Deno.chmodSync(temporary, mode);
    Deno.renameSync(temporary, file);
  } catch (cause) {
    throw new Failure(`Cannot write ${file}: ${reasonOf(cause)}`);
  }
}

export function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw new Failure(`Cannot look at ${file}: ${reasonOf(cause)}`);
  }
}

/** @throws {Failure} */
export function readOwn(file: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    throw new Failure(sentenceOf(cause));
  }
}

/** Makes a folder, unless it is there. @throws {Failure} */
export function makeFolder(folder: string, mode = 0o700): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode });
  } catch (cause) {
    throw new Failure(`Cannot make the folder ${folder}: ${reasonOf(cause)}`);
  }
}
