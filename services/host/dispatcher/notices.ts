/** What PAM modules had to say, for the lease's first shell. */

const encoder = new TextEncoder();

/** A MOTD is a few KiB; a module that talks without end is cut off. */
const maxNoticeBytes = 32_768;

export class Notices {
  #text = "";

  add(text: string): void {
    if (this.#text.length < maxNoticeBytes) this.#text += text.endsWith("\n") ? text : `${text}\n`;
  }

  /** All of it, once. @param lineEnd `\r\n` for a terminal */
  take(lineEnd: "\n" | "\r\n"): Uint8Array {
    const text = this.#text;
    this.#text = "";
    return encoder.encode(text.replace(/\r?\n/g, lineEnd)).subarray(0, maxNoticeBytes);
  }
}
