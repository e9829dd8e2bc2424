/** What PAM asks of the person on the way in, and what they answer. Answers are secrets: bytes, wiped after use. */

import { type Fields, ProtocolError } from "./codec.ts";
import { maxPromptTextLength, maxRecordBytes, maxResponseBytes, maxResponses } from "./limits.ts";

/** One question, and whether the answer may be seen while it is typed. */
export interface Question {
  text: string;
  echo: boolean;
}

/** Everything a module asks in one call: one SSH_MSG_USERAUTH_INFO_REQUEST (RFC 4256 §3.2). */
export interface Prompt {
  /** What modules had to say before. */
  instruction: string;
  /** In the order of the answers. */
  questions: Question[];
}

/** @throws {ProtocolError} */
export function decodePrompt(fields: Fields): Prompt {
  return {
    instruction: fields.string("instruction", maxRecordBytes),
    questions: fields.list("questions", maxResponses, (item, path) => {
      const { text, echo } = item as Partial<Question>;
      if (typeof text !== "string" || text.length > maxPromptTextLength || typeof echo !== "boolean") {
        throw new ProtocolError(`Cannot read ${path}: it must be a question with text and echo`);
      }
      return { text, echo };
    }),
  };
}

const lengthBytes = 2;
/** Records are a multiple of this long: who sees their size is not to learn the length of a password. */
const paddedBytes = 128;

/** Their number, one byte; each answer as its length, two bytes big-endian, and its bytes; zeros. The caller wipes both sides. */
export function encodeResponses(responses: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = responses.reduce((sum, { length }) => sum + lengthBytes + length, 1);
  const record = new Uint8Array(new ArrayBuffer(Math.ceil(size / paddedBytes) * paddedBytes));
  const view = new DataView(record.buffer);
  record[0] = responses.length;
  let at = 1;
  for (const response of responses) {
    view.setUint16(at, response.length);
    record.set(response, at + lengthBytes);
    at += lengthBytes + response.length;
  }
  return record;
}

/**
 * The answers as copies of their own, to be wiped by the caller.
 *
 * @throws {ProtocolError} If it is not `count` answers of at most 512 bytes without NUL (PAM_MAX_RESP_SIZE)
 */
export function decodeResponses(record: Uint8Array, count: number): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const responses: Uint8Array<ArrayBuffer>[] = [];
  let at = 1;
  while (at + lengthBytes <= record.length && responses.length < count) {
    const from = at + lengthBytes;
    at = from + view.getUint16(at);
    responses.push(new Uint8Array(record.subarray(from, at)));
  }
  const isWhole = at <= record.length && record.subarray(at).every((byte) => byte === 0);
  if (isWhole && record[0] === count && responses.length === count && responses.every(isResponse)) {
    return responses;
  }
  for (const response of responses) response.fill(0);
  throw new ProtocolError(
    `Cannot read the answers: they must be ${count}, of ${maxResponseBytes} bytes at most`,
  );
}

/** Whether PAM can take it. */
function isResponse(bytes: Uint8Array): boolean {
  return bytes.length <= maxResponseBytes && !bytes.includes(0);
}
