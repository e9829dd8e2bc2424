/** Which uid an account gets: its own of before, or one that nobody has ever had. */

import { groupByGid, passwdByUid } from "../../../../ffi/passwd.ts";
import type { UidRange } from "../../../../shared/config/host_settings.ts";
import type { Ledger } from "./ledger.ts";

/**
 * The uid for `login`; an earlier one that is lost to somebody else, or too low by now, is put down as retired.
 *
 * @param isFree Whether neither an account nor another's group has the number
 * @throws {RangeError} If the range is used up
 */
export function chooseUid(
  login: string,
  ledger: Ledger,
  { min, max }: UidRange,
  isFree: (uid: number) => boolean,
): number {
  const earlier = ledger.accounts.get(login)?.uid;
  if (earlier !== undefined && earlier >= min && isFree(earlier)) return earlier;
  let uid = min;
  for (const given of ledger.givenUids()) if (given >= uid && given <= max) uid = given + 1;
  while (uid <= max && !isFree(uid)) uid++;
  if (uid > max) {
    throw new RangeError(`Cannot give '${login}' a uid: all from ${min} to ${max} were given already`);
  }
  if (earlier !== undefined) ledger.retired.set(earlier, login);
  return uid;
}

/** By the name service, which knows the network's accounts as well; useradd(8) has nscd forget what it missed. */
export function isFreeFor(login: string, uid: number): boolean {
  const group = groupByGid(uid);
  return passwdByUid(uid) === null && (group === null || group.name === login);
}
