/** What a dry run tells: a line for each module, in the order they run. */

import type { PamMessage } from "../../../../ffi/pam.ts";
import { PamCode, pamCodeName } from "../../../../ffi/pam_codes.ts";
import type { Action } from "../../../../shared/pam/control.ts";
import type { DryRunMessage } from "../../../../shared/protocol/channel.ts";
import type { Entry, Rule } from "../../../../shared/pam/read_stack.ts";
import { printable } from "../conversation.ts";
import type { Observer } from "./stepped_pam.ts";

/** What is longer loses its middle: it must not push the answer off the screen, and its end names the script. */
const maxModuleWidth = 48;
const keptAtEnd = 24;
/** Room for the usual codes, such as `PAM_MODULE_UNKNOWN (ignore)`. */
const answerWidth = 27;
const maxSaidLines = 50;
/** A record has room for this much even if every character takes six bytes in JSON. */
const maxLineLength = 4_096;

export class Report implements Observer {
  readonly #tell: (found: DryRunMessage) => void;
  #entries: readonly Entry[] = [];
  /** Of {@link #entries}, those already told. */
  #told = 0;
  #width = 0;
  /** Whether some answer has counted. */
  #isDecided = false;

  constructor(tell: (found: DryRunMessage) => void) {
    this.#tell = tell;
  }

  line(text: string): void {
    this.#tell({ type: "lease.report", kind: "line", text: text.slice(0, maxLineLength) });
  }

  onCall(call: string, entries: readonly Entry[]): void {
    this.#entries = entries.filter(({ kind }) => kind !== "substack");
    this.#told = 0;
    this.#isDecided = false;
    this.#width = Math.max(0, ...this.#entries.map((entry) => shown(entry).length));
    this.line("");
    this.line(`${call}${entries.length === 0 ? ': the service has no line for it, nor has "other"' : ""}`);
  }

  onModule(rule: Rule): void {
    this.#tell({ type: "lease.report", kind: "running", text: `${shown(rule)} (${place(rule)})` });
  }

  onAnswer(entry: Entry, code: number, action: Action, heard: PamMessage[]): void {
    this.#passOver(this.#entries.indexOf(entry));
    this.#told++;
    this.#isDecided ||= action !== "ignore" && typeof action !== "number";
    this.#row(entry, `${pamCodeName(code)} (${meaning(action)})`);
    if (entry.kind === "broken") this.line("      libpam does not understand this line");
    if (entry.kind === "module" && pamCodeName(code) === "PAM_MODULE_UNKNOWN") {
      this.line("      libpam cannot load the module, or it has nothing for this call");
    }
    for (const text of heard.flatMap(spoken).slice(0, maxSaidLines)) this.line(`      ${text}`);
  }

  onResult(call: string, code: number, text: string): void {
    this.#passOver(this.#entries.length);
    this.line(`  ${call} answers ${pamCodeName(code)}${code === PamCode.success ? "" : `: ${text}`}`);
    if (code !== PamCode.success && !this.#isDecided && this.#entries.length > 0) {
      this.line("  (every answer was ignored, which to libpam is a refusal)");
    }
    if (call.startsWith("pam_setcred") && code !== PamCode.success) {
      this.line("  (a login that PAM has not authenticated goes on all the same)");
    }
  }

  onSkipped(call: string, why: string): void {
    this.line("");
    this.line(`${call} is not called: ${why}`);
  }

  #passOver(until: number): void {
    while (this.#told < until) this.#row(this.#entries[this.#told++]!, "not run");
  }

  #row(entry: Entry, answer: string): void {
    this.line(`  ${shown(entry).padEnd(this.#width)}  ${answer.padEnd(answerWidth)}  ${place(entry)}`);
  }
}

function shown(entry: Entry): string {
  const text = printable(entry.text);
  if (text.length <= maxModuleWidth) return text;
  return `${text.slice(0, maxModuleWidth - keptAtEnd - 1)}…${text.slice(-keptAtEnd)}`;
}

function place({ file, line }: Entry): string {
  return `${file}:${line}`;
}

/** What becomes of an answer, in the words of pam.conf(5). */
function meaning(action: Action): string {
  return typeof action === "number" ? `jumps over ${action}` : action;
}

function spoken({ style, text }: PamMessage): string[] {
  const verb = style.startsWith("prompt") ? "asked" : "said";
  const silence = verb === "asked" ? " (nobody is there to answer)" : "";
  return printable(text).trimEnd().split("\n").map((line) => `${verb}: ${line}${silence}`);
}
