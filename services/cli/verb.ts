/** What the table in services/main.ts knows of a verb. */

import type { ExitCode } from "./failure.ts";

/** Values of the options given, by long name in camelCase; a repeatable option is a list. */
export type Options = Record<string, string | string[] | boolean | undefined>;

export interface Verb {
  summary: string;
  /** Words after the verb, as commander writes them: `<needed>`, `[optional]`. */
  arguments?: string[];
  options: Option[];
  /** Loads the verb's code, and nothing of the other verbs. */
  load: () => Promise<{ run: (options: Options, ...words: (string | undefined)[]) => Promise<ExitCode> }>;
}

export interface Option {
  /** As commander writes them: `--state <folder>`. */
  flags: string;
  about: string;
  fallback?: string;
}

/** The text of an option that has a default or was checked to be there. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** Whether the process is to end with its parent. */
export function hasParent(options: Options): boolean {
  return options.withParent === true;
}
