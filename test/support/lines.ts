/** Reading what a program says while it goes on. */

/**
 * The lines of a program's output, one at a time and without their ends. A shell writes each line for itself, so that
 * one read may give any part of them.
 */
export class Lines {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(output: ReadableStream<Uint8Array>) {
    this.#reader = output.getReader();
  }

  /** @throws {Error} When the output ends before */
  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`The output ended after ${JSON.stringify(this.#text)}`);
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** Wants no more of it. */
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** The first `count` lines; nobody can read what comes after them. @throws {Error} When the output ends before */
export async function firstLines(output: ReadableStream<Uint8Array>, count: number): Promise<string[]> {
  const lines = new Lines(output);
  const found: string[] = [];
  while (found.length < count) found.push(await lines.next());
  return found;
}
