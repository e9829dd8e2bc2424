/** Reading the data types of RFC 4251 §5 out of one message. */

/** The client broke the protocol in a way nothing sensible can follow; the connection is ended. */
export class ProtocolViolation extends Error {
  override name = "ProtocolViolation";
}

export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = position;
  }

  get left(): number {
    return this.#bytes.length - this.#position;
  }

  #take(length: number): number {
    if (length > this.left) throw new ProtocolViolation("Cannot read a message: it is shorter than it says");
    const start = this.#position;
    this.#position += length;
    return start;
  }

  boolean(): boolean {
    return this.#bytes[this.#take(1)] !== 0;
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** A string as a view into the message, which is gone when the message has been handled. */
  view(): Uint8Array {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A string as bytes of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.view());
  }

  /** A string as UTF-8; what is not becomes U+FFFD. */
  text(): string {
    return new TextDecoder().decode(this.view());
  }
}
