/** The commands there are, and how the words after one are read. */

import { Command, CommanderError } from "commander";
import { ProblemError } from "../../../shared/protocol/problems.ts";
import type { CommandContext, CommandOptions, OperatorCommand } from "./command.ts";
import { hostsCommand } from "./hosts.ts";
import { sessionsCommand } from "./sessions.ts";

const commands: readonly OperatorCommand[] = [hostsCommand, sessionsCommand];

/** As ssh users know it: the command's own answer, or that there is none. */
const code = { done: 0, wrongWords: 2, failed: 1 } as const;

/**
 * Runs the command `name`, if the person may.
 *
 * @param words What stands after it in the ssh command, by blanks; options go without dashes too, since ssh takes those
 *   for its own (`ssh +hosts@gateway watch`)
 * @returns The exit status
 * @throws {ProblemError}
 */
export async function runCommand(name: string, words: string[], context: CommandContext): Promise<number> {
  const command = commands.find((candidate) => candidate.name === name);
  if (!command) throw new ProblemError("command-unknown", commands.map(({ name }) => `+${name}`).join(", "));
  const { applicant, client, policy } = context;
  if (!policy().allowsCommand(applicant, name, client.address)) throw new ProblemError("command-denied");
  const said: string[] = [];
  const parser = new Command(`+${name}`).description(command.summary).exitOverride().configureOutput({
    writeOut: (text) => said.push(text),
    writeErr: (text) => said.push(text),
  });
  for (const { flags, about } of command.options) parser.option(flags, about);
  try {
    const flags = words.map((word) =>
      command.options.some(({ flags }) => flags === `--${word}`) ? `--${word}` : word
    );
    parser.parse(flags, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    await context.print(said.join(""));
    return error.exitCode === 0 ? code.done : code.wrongWords;
  }
  await command.run(context, parser.opts<CommandOptions>());
  return code.done;
}
