/** Decoding at the edge: JSON from another process becomes a typed value here, once, or a {@link ProtocolError} with its path. */

/** Bytes from another process that do not follow the contract. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** Serialises a message. Binary fields are base64 strings already. */
export function encodeJson(message: object): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(message));
}

/** Reads the fields of one decoded object; every getter throws {@link ProtocolError} naming the field's path. */
export class Fields {
  readonly #object: Record<string, unknown>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ProtocolError(`Cannot read ${path}: it must be an object`);
    }
    this.#object = value as Record<string, unknown>;
    this.#path = path;
  }

  /** Parses JSON bytes of at most `maxBytes`. */
  static parse(bytes: Uint8Array, maxBytes: number, path = "message"): Fields {
    if (bytes.length > maxBytes) {
      throw new ProtocolError(`Cannot read ${path}: ${bytes.length} bytes are more than ${maxBytes}`);
    }
    let value: unknown;
    try {
      value = JSON.parse(decoder.decode(bytes));
    } catch (cause) {
      throw new ProtocolError(`Cannot read ${path}: it is not JSON`, { cause });
    }
    return new Fields(value, path);
  }

  #fail(field: string, expected: string): never {
    throw new ProtocolError(`Cannot read ${this.#path}.${field}: it must be ${expected}`);
  }

  #value(field: string): unknown {
    return Object.hasOwn(this.#object, field) ? this.#object[field] : undefined;
  }

  has(field: string): boolean {
    return this.#value(field) !== undefined;
  }

  /** Whether the field is absent or null. */
  isNull(field: string): boolean {
    return this.#value(field) === undefined || this.#value(field) === null;
  }

  string(field: string, maxLength = 4096): string {
    const value = this.#value(field);
    if (typeof value !== "string" || value.length > maxLength || value.includes("\0")) {
      this.#fail(field, `a string of at most ${maxLength} characters without NUL`);
    }
    return value;
  }

  /** A string that satisfies `test`, described by `expected` in the error. */
  matching(field: string, test: (text: string) => boolean, expected: string): string {
    const value = this.#value(field);
    if (typeof value !== "string" || !test(value)) this.#fail(field, expected);
    return value;
  }

  oneOf<const T extends string>(field: string, choices: readonly T[]): T {
    const value = this.#value(field);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.#fail(field, `one of ${choices.join(", ")}`);
    return found;
  }

  integer(field: string, minimum: number, maximum: number): number {
    const value = this.#value(field);
    if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum) {
      this.#fail(field, `an integer from ${minimum} to ${maximum}`);
    }
    return value;
  }

  boolean(field: string): boolean {
    const value = this.#value(field);
    if (typeof value !== "boolean") this.#fail(field, "true or false");
    return value;
  }

  /** Base64 text as bytes, at most `maxBytes`. */
  bytes(field: string, maxBytes: number): Uint8Array<ArrayBuffer> {
    const text = this.#value(field);
    if (typeof text !== "string" || text.length > Math.ceil(maxBytes / 3) * 4) {
      this.#fail(field, `base64 of at most ${maxBytes} bytes`);
    }
    try {
      return fromBase64(text);
    } catch {
      return this.#fail(field, `base64 of at most ${maxBytes} bytes`);
    }
  }

  object(field: string): Fields {
    return new Fields(this.#value(field), `${this.#path}.${field}`);
  }

  /** A nested object passed on as it is, such as the properties of a log line. */
  record(field: string): Record<string, unknown> {
    this.object(field);
    return this.#value(field) as Record<string, unknown>;
  }

  list<T>(field: string, maxItems: number, read: (item: unknown, path: string) => T): T[] {
    const value = this.#value(field);
    if (!Array.isArray(value) || value.length > maxItems) {
      this.#fail(field, `a list of at most ${maxItems} items`);
    }
    return value.map((item, index) => read(item, `${this.#path}.${field}[${index}]`));
  }

  strings(field: string, maxItems: number, maxLength = 256): string[] {
    return this.list(field, maxItems, (item, path) => {
      if (typeof item !== "string" || item.length > maxLength || item.includes("\0")) {
        throw new ProtocolError(
          `Cannot read ${path}: it must be a string of at most ${maxLength} characters`,
        );
      }
      return item;
    });
  }
}

export function toBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text);
}
