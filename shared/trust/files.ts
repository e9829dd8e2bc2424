/** Identity and trust as files: whatever is wrong with one, its name is in the sentence, and what to do. */

import { dirname, join } from "node:path";
import { readTextFile, reasonOf } from "../text_file.ts";
import {
  type Identity,
  type IdentityKind,
  readIdentity,
  readTrust,
  type Trust,
  verifyCredential,
} from "./identity.ts";
import { FleetTrust, latestRevocations, type Revocations } from "./revocations.ts";

/** Whose identity a file has to hold. */
export interface Bearer {
  kind: IdentityKind;
  name: string;
}

/** @throws {Error} When the file is missing, damaged, or somebody else's identity */
export function loadIdentity(file: string, bearer: Bearer): Identity {
  const { kind, name } = bearer;
  const identity = read(file, readIdentity, issueCommand(bearer));
  const { credential } = identity;
  if (credential.kind === kind && credential.name === name) return identity;
  throw new Error(
    `Cannot use ${file}: it is the identity of the ${credential.kind} ${credential.name}, not of the ${kind} ${name}; ` +
      `correct the name in the configuration, or make one with ${issueCommand(bearer)}`,
  );
}

/** @throws {Error} When the file is missing or damaged */
export function loadTrust(file: string): Trust {
  return read(file, readTrust, "a copy of the fleet's trust file, which sallyport keys init has made");
}

/** Where a process finds who is trusted, and who no longer is. */
export interface TrustFiles {
  trustFile: string;
  /** The newest list of revoked members that the process has been told of, and keeps. */
  revocationsFile: string;
}

/** A list as an administrator brings it: beside the trust file. */
export function givenRevocationsFile({ trustFile }: Pick<TrustFiles, "trustFile">): string {
  return join(dirname(trustFile), "revocations");
}

/** The trust file with the newest list beside it or kept. @throws {Error} When the trust file is missing or damaged */
export function loadFleetTrust(files: TrustFiles): FleetTrust {
  const trust = new FleetTrust(loadTrust(files.trustFile));
  trust.adopt(readRevocations(givenRevocationsFile(files), trust.fleetKey));
  trust.adopt(readRevocations(files.revocationsFile, trust.fleetKey));
  return trust;
}

/** The newest list in a file; `null` when there is none. @throws {Error} When the file is there and cannot be read */
export function readRevocations(file: string, fleetKey: string): Revocations | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw new Error(`Cannot read ${file}: ${reasonOf(cause)}`, { cause });
  }
  return latestRevocations(text, fleetKey);
}

/** What a process of the fleet starts with: its identity, and the trust that others will hold it to. */
export interface Membership {
  identity: Identity;
  trust: FleetTrust;
}

/** @throws {Error} Also when the fleet of the trust file does not know the identity, or no longer */
export function loadMembership(
  { identityFile, ...files }: { identityFile: string } & TrustFiles,
  bearer: Bearer,
): Membership {
  const { trustFile } = files;
  const [identity, trust] = [loadIdentity(identityFile, bearer), loadFleetTrust(files)];
  try {
    verifyCredential(identity.credential, trust);
  } catch (cause) {
    throw new Error(
      `Cannot use ${identityFile} with ${trustFile}: ${reasonOf(cause)}; replace one of them, ` +
        `or make an identity with the fleet key of that trust file: ${issueCommand(bearer)}`,
      { cause },
    );
  }
  return { identity, trust };
}

function issueCommand({ kind, name }: Bearer): string {
  return `sallyport keys add-${kind} ${name}`;
}

function read<T>(file: string, parse: (text: string) => T, remedy: string): T {
  const text = readTextFile(file);
  try {
    return parse(text);
  } catch (cause) {
    throw new Error(`Cannot use ${file}: ${reasonOf(cause)}; replace it: ${remedy}`, { cause });
  }
}
