/** A session that says back every line it is told: it shows whether it lives, and what it was told at its end. */

import { until } from "./wait.ts";

/** What to run on the host. */
export const echoCommand = 'while read -r line; do echo "$line"; done';

export interface TalkEnd {
  code: number;
  /** All of standard error. */
  said: string;
}

export class Talk {
  readonly #client: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #end: Promise<TalkEnd>;
  #heard = "";
  #lines = 0;

  /** @param client An ssh that runs {@link echoCommand} */
  constructor(client: Deno.ChildProcess) {
    this.#client = client;
    this.#input = client.stdin.getWriter();
    const output = this.#listen();
    const said = new Response(client.stderr).text();
    this.#end = client.status.then(async ({ code }) => {
      await output;
      await this.#input.close().catch(() => {}); // Closed by the other side.
      return { code, said: await said };
    });
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#client.stdout) this.#heard += decoder.decode(bytes, { stream: true });
  }

  /** Says a line that was never said before, and waits until it comes back. */
  async line(timeoutMs = 10_000): Promise<void> {
    await this.hears(await this.say(), timeoutMs);
  }

  /** Says such a line. @returns What {@link hears} is to wait for */
  async say(): Promise<string> {
    const line = `line ${++this.#lines}\n`;
    await this.#input.write(new TextEncoder().encode(line));
    return line;
  }

  /** Waits until everything up to `line` has come back, each line once. */
  async hears(line: string, timeoutMs = 10_000): Promise<void> {
    const count = Number(/\d+/.exec(line)![0]);
    const expected = Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join("");
    await until(`${JSON.stringify(line)} comes back`, () => this.#heard === expected, { timeoutMs });
  }

  /** Resolves when ssh has ended by itself. */
  get ended(): Promise<TalkEnd> {
    return this.#end;
  }

  /** Ends the input, as a person does with Ctrl-D, and waits for ssh's end. */
  async end(): Promise<TalkEnd> {
    await this.#input.close();
    return await this.#end;
  }
}
