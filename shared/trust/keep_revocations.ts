/** Writing the newest list of revoked members where only root may. */

import { dirname } from "node:path";
import type { Revocations } from "./revocations.ts";

/**
 * Replaces `file`, whole or not at all.
 *
 * @param by Tells apart processes that do so at one time; `Deno.pid` is the same in all that are forked
 */
export function keepRevocations(file: string, { line }: Revocations, by: string): void {
  Deno.mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${by}`;
  try {
    const output = Deno.openSync(temporary, { write: true, create: true, truncate: true, mode: 0o644 });
    try {
      const bytes = new TextEncoder().encode(`${line}\n`);
      for (let done = 0; done < bytes.length;) done += output.writeSync(bytes.subarray(done));
      output.syncDataSync();
    } finally {
      output.close();
    }
    Deno.renameSync(temporary, file);
  } catch (cause) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It was never made.
    }
    throw cause;
  }
}
