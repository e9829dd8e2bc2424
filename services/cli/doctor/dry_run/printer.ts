/** Prints what a dry run finds while it comes in. */

import type { DryRunMessage } from "../../../../shared/protocol/channel.ts";
import { ExitCode } from "../../failure.ts";

export class Printer {
  #running: string | null = null;
  /** Whether the login would be let in; `null` as long as nobody knows. */
  isLetIn: boolean | null = null;

  /** Whether anything has come in. */
  hasHeard = false;

  found(message: DryRunMessage): void {
    this.hasHeard = true;
    if (message.type === "lease.tried") this.isLetIn = message.isLetIn;
    else if (message.kind === "running") this.#running = message.text;
    else {
      this.#running = null;
      console.log(message.text);
    }
  }

  /** Says that the dry run was broken off, which is how the login would have ended as well. */
  brokenOff(how: string): void {
    console.log(`\n${how}${this.#running === null ? "" : `, while it ran ${this.#running}`}.`);
    console.log("The login would be refused.");
  }

  get exitCode(): ExitCode {
    return this.isLetIn === true ? ExitCode.ok : ExitCode.no;
  }
}
