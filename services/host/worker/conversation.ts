/** The worker's side of the PAM conversation: notices go to the person, questions are not answered. */

import type { PamMessage } from "../../../ffi/pam.ts";

/** Notices kept for the text of a refusal; a module may print a whole MOTD before another refuses. */
const maxKeptLength = 8_192;
/** A record has room for this much even if every character takes six bytes in JSON. */
const maxNoticeLength = 16_384;

/** What the modules of one transaction said. */
export class PamConversation {
  readonly #notify: (text: string) => void;
  #said = "";

  /** @param notify Passes a notice on at once */
  constructor(notify: (text: string) => void) {
    this.#notify = notify;
  }

  /**
   * Takes one message of a module; the shape of ffi's `Conversation`.
   *
   * @throws {Error} On a prompt, which libpam turns into PAM_CONV_ERR for the module
   */
  readonly respond = (message: PamMessage): null => {
    switch (message.style) {
      case "errorMessage":
      case "textInfo":
        this.#said = `${this.#said}${message.text}\n`.slice(-maxKeptLength);
        for (const part of chunks(message.text)) this.#notify(part);
        return null;
      case "promptEchoOff":
      case "promptEchoOn":
        throw new Error("Cannot answer a PAM prompt: the applicant has been authenticated by the gateway");
      default:
        return message.style satisfies never;
    }
  };

  /** Everything said so far, fit for an SSH banner: no control characters but newline and tab. */
  get said(): string {
    return printable(this.#said).trim();
  }
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
