/** What a channel runs: the account's shell, in the three ways SSH can ask for it. */

import { type ChannelOpen } from "../../../shared/protocol/channel.ts";
import { fromBase64 } from "../../../shared/protocol/codec.ts";
import { ProblemError } from "../../../shared/protocol/problems.ts";

/**
 * argv for `shell`. A command stays the bytes the client sent.
 *
 * @param subsystems Name → command line, as configured
 * @throws {ProblemError} `subsystem-unknown`
 */
export function commandLine(
  request: Pick<ChannelOpen, "kind" | "command">,
  shell: string,
  subsystems: Record<string, string>,
): (string | Uint8Array)[] {
  const name = shell.slice(shell.lastIndexOf("/") + 1);
  switch (request.kind) {
    case "shell":
      return [`-${name}`]; // login(1): the dash makes it a login shell
    case "exec":
      return [name, "-c", fromBase64(request.command)];
    case "subsystem": {
      const subsystem = new TextDecoder().decode(fromBase64(request.command));
      const command = Object.hasOwn(subsystems, subsystem) ? subsystems[subsystem] : undefined;
      if (command === undefined) {
        throw new ProblemError("subsystem-unknown", undefined, {
          cause: new Error(`No subsystem '${subsystem}' is configured`),
        });
      }
      return [name, "-c", command];
    }
  }
}
