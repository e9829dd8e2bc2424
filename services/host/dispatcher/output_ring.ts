/** The last output of a PTY, for whoever looks at the session later. */

/** Enough to redraw a screen many times over. */
const maxBytes = 262_144;
const firstBytes = 4_096;

/** Grows with use: an idle session costs next to nothing. */
export class OutputRing {
  #bytes = new Uint8Array(0);
  /** Where the next byte goes. */
  #end = 0;
  #length = 0;
  #isCut = false;

  push(bytes: Uint8Array): void {
    this.#isCut ||= this.#length + bytes.length > maxBytes;
    const news = bytes.length > maxBytes ? bytes.subarray(bytes.length - maxBytes) : bytes;
    this.#grow(Math.min(maxBytes, this.#length + news.length));
    const size = this.#bytes.length;
    if (size === 0) return;
    const first = Math.min(news.length, size - this.#end);
    this.#bytes.set(news.subarray(0, first), this.#end);
    this.#bytes.set(news.subarray(first), 0);
    this.#end = (this.#end + news.length) % size;
    this.#length = Math.min(size, this.#length + news.length);
  }

  /** Whether the beginning has been overwritten. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** A copy, oldest byte first. */
  contents(): Uint8Array<ArrayBuffer> {
    const size = this.#bytes.length;
    const contents = new Uint8Array(this.#length);
    if (size === 0) return contents;
    const start = (this.#end - this.#length + size) % size;
    const first = Math.min(this.#length, size - start);
    contents.set(this.#bytes.subarray(start, start + first));
    contents.set(this.#bytes.subarray(0, this.#length - first), first);
    return contents;
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    let size = Math.max(firstBytes, this.#bytes.length);
    while (size < needed) size *= 2;
    const contents = this.contents();
    this.#bytes = new Uint8Array(size);
    this.#bytes.set(contents);
    this.#end = contents.length % size;
  }
}
