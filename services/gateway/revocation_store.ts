/** The newest list of revoked members in a file of the gateway's, which is opened while it is root and written when it is not. */

import { dirname } from "node:path";
import { reasonOf } from "../../shared/text_file.ts";
import type { Revocations } from "../../shared/trust/revocations.ts";

/** Appends a line for each list: one that is torn by a power cut costs just itself. */
export class RevocationStore implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * @param latest All that is to be left of what the file has; `null` leaves it as it is
   * @throws {Error} With the file's name
   */
  static open(file: string, latest: Revocations | null): RevocationStore {
    try {
      Deno.mkdirSync(dirname(file), { recursive: true });
      if (latest !== null) {
        Deno.writeTextFileSync(`${file}.new`, `${latest.line}\n`, { mode: 0o644 });
        Deno.renameSync(`${file}.new`, file);
      }
      return new RevocationStore(Deno.openSync(file, { append: true, create: true, mode: 0o644 }));
    } catch (cause) {
      throw new Error(
        `Cannot keep the list of revoked members in ${file}: ${reasonOf(cause)}; correct gateway.revocations`,
        { cause },
      );
    }
  }

  /** @throws {Error} When the disk is full, for instance */
  keep({ line }: Revocations): void {
    // A line end in front, too: behind a torn line there is none.
    const bytes = new TextEncoder().encode(`\n${line}\n`);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#file.syncDataSync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
