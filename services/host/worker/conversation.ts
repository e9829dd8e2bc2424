/** The worker's side of the PAM conversation: what modules say goes to the person, and what they ask as well. */

import type { PamAnswer, PamMessage } from "../../../ffi/pam.ts";
import { maxInstructionLength, maxPromptTextLength } from "../../../shared/protocol/limits.ts";
import type { Prompt, Question } from "../../../shared/protocol/prompt.ts";

/** Notices kept for the text of a refusal; a module may print a whole MOTD before another refuses. */
const maxKeptLength = 8_192;
/** A record has room for this much even if every character takes six bytes in JSON. */
const maxNoticeLength = 16_384;

/** Of what is held back the beginning is kept, as the dispatcher does; it shows no more on a terminal. */
const maxHeldLength = 65_536;

/** Where what the modules say goes. */
export interface Listener {
  /** Takes a notice that no question has shown. */
  notify(text: string): void;
  /**
   * Puts questions to the person and gives the answers. Left out where nobody is there.
   *
   * @throws If there are no answers; no question of the transaction is put after that
   */
  ask?(prompt: Prompt): Uint8Array[];
}

/** What the modules of one transaction say and ask. */
export class PamConversation {
  readonly #listener: Listener;
  /** The end of what was said since the last question. */
  #said = "";
  /** Its beginning, as long as a question may follow, in whose prompt it is shown. */
  #held: string[] | null = [];
  #heldLength = 0;
  /** Why a question found no answer, if one did. */
  #failure: unknown;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /**
   * Takes the messages of one call of a module; the shape of ffi's `Conversation`.
   *
   * @throws If a question has no answer, which libpam turns into PAM_CONV_ERR for the module
   */
  readonly respond = (messages: PamMessage[]): PamAnswer[] => {
    const questions: Question[] = [];
    for (const { style, text } of messages) {
      if (style === "textInfo" || style === "errorMessage") this.#say(text);
      else questions.push({ text: shownText(text, maxPromptTextLength), echo: style === "promptEchoOn" });
    }
    const answers = (questions.length > 0 ? this.#ask(questions) : []).values();
    return messages.map(({ style }) => style.startsWith("prompt") ? answers.next().value ?? null : null);
  };

  /** No question is to come: what was held back for one is passed on, and from now on everything at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const text of held) this.#notify(text);
  }

  /** Said since the last question, fit for an SSH banner: no control characters but newline and tab. */
  get said(): string {
    return printable(this.#said).trim();
  }

  #say(text: string): void {
    this.#said = `${this.#said}${text}\n`.slice(-maxKeptLength);
    if (!this.#held) return this.#notify(text);
    if (this.#heldLength < maxHeldLength) this.#held.push(text.slice(0, maxHeldLength - this.#heldLength));
    this.#heldLength += text.length;
  }

  #notify(text: string): void {
    for (const part of chunks(text)) this.#listener.notify(part);
  }

  #ask(questions: Question[]): Uint8Array[] {
    const { ask } = this.#listener;
    if (!ask) throw new Error("Cannot answer a PAM prompt: there is nobody to ask");
    // Modules like to ask three times; whoever has left stays away.
    if (this.#failure !== undefined) throw this.#failure;
    const instruction = this.said.slice(-maxInstructionLength);
    this.#held &&= [];
    this.#heldLength = 0;
    this.#said = "";
    try {
      return ask({ instruction, questions });
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}

function shownText(text: string, maxLength: number): string {
  return printable(text).slice(0, maxLength);
}

function chunks(text: string): string[] {
  const clean = text.replaceAll("\0", "");
  const parts: string[] = [];
  for (let at = 0; at < clean.length; at += maxNoticeLength) {
    parts.push(clean.slice(at, at + maxNoticeLength));
  }
  return parts;
}

/** `text` without control characters (C0, DEL, C1) except newline and tab. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it removes
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "");
}
