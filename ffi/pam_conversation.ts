/** The conversation: what PAM modules say to the applicant and ask of them, as a callback from C. */

import { cBytes, cString, readCString } from "./cstring.ts";
import { C_LIBRARY, library } from "./library.ts";
import { PamCode } from "./pam_codes.ts";

const libc = library(C_LIBRARY, {
  // void *calloc(size_t nmemb, size_t size) <stdlib.h>
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  // void free(void *ptr) <stdlib.h>
  free: { parameters: ["pointer"], result: "void" },
  // char *strdup(const char *s) <string.h>
  strdup: { parameters: ["buffer"], result: "pointer" },
  // size_t strlen(const char *s) <string.h>
  strlen: { parameters: ["pointer"], result: "usize" },
  // void explicit_bzero(void *s, size_t n) <string.h>
  explicit_bzero: { parameters: ["pointer", "usize"], result: "void" },
  // void *memcpy(void *dest, const void *src, size_t n) <string.h>
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
});

/** A prompt, which wants an answer, or a notice, which does not. */
export type PamMessage = {
  style: "promptEchoOff" | "promptEchoOn" | "errorMessage" | "textInfo";
  /** As the module wrote it; invalid UTF-8 becomes U+FFFD. */
  text: string;
};

/** For a prompt at most {@link MAX_ANSWER_BYTES} bytes without NUL, for a notice `null`. Bytes are wiped after use. */
export type PamAnswer = string | Uint8Array | null;

/**
 * Hears what a module says in one call, one to {@link MAX_MESSAGES} messages, and answers each. It may block. Throwing,
 * or `null` for a prompt, is PAM_CONV_ERR to the module.
 */
export type Conversation = (messages: PamMessage[]) => PamAnswer[];

/** PAM_MAX_NUM_MSG: messages in one call of a module. */
const MAX_MESSAGES = 32;
/** PAM_MAX_RESP_SIZE: bytes of an answer. */
export const MAX_ANSWER_BYTES = 512;
/** PAM_PROMPT_ECHO_OFF … PAM_TEXT_INFO <security/_pam_types.h> */
const styles = new Map<number, PamMessage["style"]>([
  [1, "promptEchoOff"],
  [2, "promptEchoOn"],
  [3, "errorMessage"],
  [4, "textInfo"],
]);
/** struct pam_message: int msg_style @0, const char *msg @8. Linux-PAM passes an array of pointers to them. */
const Message = { style: 0, text: 8 } as const;
/** struct pam_response: char *resp @0, int resp_retcode @8. */
const Response = { size: 16, text: 0 } as const;
const POINTER_BYTES = 8;

const signature = {
  // int (*conv)(int num_msg, const struct pam_message **msg, struct pam_response **resp, void *appdata_ptr) <security/_pam_types.h>
  parameters: ["i32", "pointer", "pointer", "pointer"],
  result: "i32",
} as const;

/** A {@link Conversation} that libpam can call, until it is disposed of. */
export class ConversationCallback implements Disposable {
  readonly #callback: Deno.UnsafeCallback<typeof signature>;
  #failure: unknown;

  constructor(conversation: Conversation) {
    this.#callback = new Deno.UnsafeCallback(signature, (count, messages, responses) => {
      // An exception must not pass through C: libpam would read an undefined result.
      try {
        return answerAll(conversation, count, messages, responses);
      } catch (cause) {
        this.#failure = cause;
        return PamCode.conversationError;
      }
    });
  }

  /** struct pam_conv: the callback @0, void *appdata_ptr @8. libpam copies it. */
  pamConv(): BigUint64Array<ArrayBuffer> {
    const pamConv = new BigUint64Array(new ArrayBuffer(2 * POINTER_BYTES));
    pamConv[0] = Deno.UnsafePointer.value(this.#callback.pointer);
    return pamConv;
  }

  /** What the conversation threw since the last call of this, if anything. */
  takeFailure(): unknown {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  /** libpam must not call any more: only after pam_end. */
  [Symbol.dispose](): void {
    this.#callback.close();
  }
}

/**
 * Puts all messages of one call to the conversation and hands its answers to libpam, which frees them.
 *
 * @throws Whatever `conversation` throws; the answers given by then are wiped and freed
 */
function answerAll(
  conversation: Conversation,
  count: number,
  messages: Deno.PointerValue,
  responses: Deno.PointerValue,
): number {
  if (count <= 0 || count > MAX_MESSAGES || messages === null || responses === null) {
    return PamCode.conversationError;
  }
  const heard = [...readMessages(messages, count)];
  const given = conversation(heard);
  const replies: Deno.PointerValue[] = [];
  try {
    for (const [index, message] of heard.entries()) replies.push(reply(message, given[index] ?? null));
    const array = libc().calloc(BigInt(count), BigInt(Response.size));
    if (array === null) throw new Error("Cannot allocate memory for the answers");
    copyTo(array, responseArray(replies));
    copyTo(responses, BigUint64Array.of(Deno.UnsafePointer.value(array)));
    return PamCode.success;
  } catch (cause) {
    replies.forEach(wipeAndFree);
    throw cause;
  } finally {
    for (const answer of given) if (answer instanceof Uint8Array) answer.fill(0);
  }
}

function* readMessages(messages: Deno.PointerObject, count: number): Generator<PamMessage> {
  const table = new Deno.UnsafePointerView(messages);
  for (let index = 0; index < count; index++) {
    const pointer = table.getPointer(index * POINTER_BYTES);
    if (pointer === null) throw new Error(`Cannot read message ${index + 1} of a PAM module: it is null`);
    const view = new Deno.UnsafePointerView(pointer);
    const style = styles.get(view.getInt32(Message.style));
    if (!style) {
      throw new Error(`Cannot answer a PAM message of style ${view.getInt32(Message.style)}`);
    }
    yield { style, text: readCString(view.getPointer(Message.text)) ?? "" };
  }
}

/** An answer as C memory of its own; null for a notice. */
function reply(message: PamMessage, given: PamAnswer): Deno.PointerValue {
  if (message.style === "errorMessage" || message.style === "textInfo") return null;
  if (given === null) throw new Error("Cannot answer the PAM prompt: no answer was given");
  const bytes = typeof given === "string" ? cString(given) : cBytes(given);
  try {
    if (bytes.length - 1 > MAX_ANSWER_BYTES) {
      throw new RangeError(`Cannot pass an answer of more than ${MAX_ANSWER_BYTES} bytes to PAM`);
    }
    const copy = libc().strdup(bytes);
    if (copy === null) throw new Error("Cannot allocate memory for the answer");
    return copy;
  } finally {
    bytes.fill(0);
  }
}

function responseArray(replies: Deno.PointerValue[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(replies.length * Response.size));
  for (const [index, reply] of replies.entries()) {
    view.setBigUint64(index * Response.size + Response.text, Deno.UnsafePointer.value(reply), true);
  }
  return new Uint8Array(view.buffer);
}

function copyTo(destination: Deno.PointerObject, source: ArrayBufferView<ArrayBuffer>): void {
  libc().memcpy(destination, source, BigInt(source.byteLength));
}

function wipeAndFree(reply: Deno.PointerValue): void {
  if (reply === null) return;
  libc().explicit_bzero(reply, libc().strlen(reply));
  libc().free(reply);
}
