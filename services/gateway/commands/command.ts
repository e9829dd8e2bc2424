/** What a command of the gateway is: `ssh +NAME@gateway [words]`, answered here, without a host or an account. */

import type { ClientAddress } from "../../../shared/protocol/lease.ts";
import type { AccessPolicy, Applicant } from "../access.ts";
import type { Hosts } from "../hosts.ts";
import type { Leases } from "../leases.ts";

/** What commands may ask. */
export interface CommandServices {
  hosts: Hosts;
  leases: Leases;
  /** The policy in force now. */
  policy: () => AccessPolicy;
}

/** Who runs it, and how to talk to them. */
export interface CommandContext extends CommandServices {
  applicant: Applicant;
  client: ClientAddress;
  /** Whether there is a terminal, which can be drawn anew. */
  isTerminal: boolean;
  /** Aborted when the person has left, or asked for an end by ^C. */
  signal: AbortSignal;
  /** Resolves when the client has taken it. */
  print(text: string): Promise<void>;
}

/** Values of the options given, by name in camelCase. */
export type CommandOptions = Record<string, string | boolean | undefined>;

export interface OperatorCommand {
  name: string;
  summary: string;
  options: { flags: string; about: string }[];
  /**
   * Prints until it is done, or the signal says so.
   *
   * @throws {ProblemError} With the sentence for the person
   */
  run(context: CommandContext, options: CommandOptions): Promise<void>;
}
