/** Identity and trust as files: whatever is wrong with one, its name is in the sentence, and what to do. */

import { readTextFile, reasonOf } from "../text_file.ts";
import { type Identity, type IdentityKind, readIdentity, readTrust, type Trust } from "./identity.ts";

/** Whose identity a file has to hold. */
export interface Bearer {
  kind: IdentityKind;
  name: string;
}

/** @throws {Error} When the file is missing, damaged, or somebody else's identity */
export function loadIdentity(file: string, { kind, name }: Bearer): Identity {
  const identity = read(file, readIdentity, `sallyport keys issue --kind ${kind} --name ${name}`);
  const { credential } = identity;
  if (credential.kind === kind && credential.name === name) return identity;
  throw new Error(
    `Cannot use ${file}: it is the identity of the ${credential.kind} ${credential.name}, not of the ${kind} ${name}; ` +
      `correct the name in the configuration, or make one with sallyport keys issue --kind ${kind} --name ${name}`,
  );
}

/** @throws {Error} When the file is missing or damaged */
export function loadTrust(file: string): Trust {
  return read(file, readTrust, "a copy of the fleet's trust file, which sallyport keys init has made");
}

function read<T>(file: string, parse: (text: string) => T, remedy: string): T {
  const text = readTextFile(file);
  try {
    return parse(text);
  } catch (cause) {
    throw new Error(`Cannot use ${file}: ${reasonOf(cause)}; replace it: ${remedy}`, { cause });
  }
}
