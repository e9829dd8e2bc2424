/** PAM policies made for one test, in a folder of their own for pam_start_confdir. */

export class PolicyFolder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  #services = 0;

  /** Writes a policy and returns the name of its service. */
  service(...lines: string[]): string {
    const name = `service${++this.#services}`;
    Deno.writeTextFileSync(`${this.path}/${name}`, lines.map((line) => `${line}\n`).join(""));
    return name;
  }

  /** Writes a program for pam_exec and returns its path. */
  script(text: string): string {
    return this.file(`#!/bin/sh\n${text}\n`, 0o755);
  }

  /** Writes a file that a module is to read and returns its path. */
  file(content: string | Uint8Array, mode = 0o644): string {
    const path = Deno.makeTempFileSync({ dir: this.path });
    Deno.writeFileSync(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    Deno.chmodSync(path, mode);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
