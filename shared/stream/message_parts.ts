/** Messages that are longer than a frame travel as several records, and are put together here. */

import { RecordKind } from "../protocol/channel.ts";
import { ProtocolError } from "../protocol/codec.ts";
import { maxRecordBytes } from "../protocol/limits.ts";

export class MessageParts {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /**
   * The next record.
   *
   * @returns The whole of what it ends, or `null` while a message goes on
   * @throws {ProtocolError} If a message is longer than {@link maxRecordBytes}, or broken off by another record
   */
  add(kind: RecordKind, payload: Uint8Array, goesOn: boolean): Uint8Array | null {
    if (this.#parts.length === 0 && !goesOn) return payload;
    if (kind !== RecordKind.message) throw new ProtocolError("Cannot take a record inside of a message");
    this.#bytes += payload.length;
    if (this.#bytes > maxRecordBytes) {
      throw new ProtocolError(`Cannot take a message of more than ${maxRecordBytes} bytes`);
    }
    this.#parts.push(payload.slice());
    return goesOn ? null : this.#join();
  }

  #join(): Uint8Array {
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}
