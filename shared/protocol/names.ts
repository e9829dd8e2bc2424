/** What a login, a host name, a lease id may look like: checked once at every edge, before use in subjects, paths or C. */

import { maxLabelValueLength, maxLoginLength, maxNameLength } from "./limits.ts";

/** A lease id: 128 random bits, lower-case hex; one subject token, one file name. */
const leaseIdPattern = /^[0-9a-f]{32}$/;
/** One subject token: no dot, no wildcard, no space. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
/** Debian's useradd, plus upper case, inner dots and a trailing $ (shadow-utils chkname). Never `.`, `..`, `/`, or a leading `-`. */
const loginPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/;
/** As Kubernetes and Teleport write them; `=` and `,` part labels in an address. */
const labelNamePattern = /^[A-Za-z0-9][A-Za-z0-9_./-]*$/;
/** Printable, and nothing that parts labels in an address. */
const labelValuePattern = /^[^\p{C},=]+$/u;
/** libpam uses only the base name of a service, and an unknown one silently becomes `other`. */
const serviceNamePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

export function isLeaseId(text: string): boolean {
  return leaseIdPattern.test(text);
}

export function isName(text: string): boolean {
  return text.length <= maxNameLength && namePattern.test(text);
}

export function isLogin(text: string): boolean {
  return text.length <= maxLoginLength && loginPattern.test(text);
}

export function isLabelName(text: string): boolean {
  return text.length <= maxNameLength && labelNamePattern.test(text);
}

export function isLabelValue(text: string): boolean {
  return text.length <= maxLabelValueLength && labelValuePattern.test(text);
}

/** Variables that make the dynamic loader run foreign code in whatever starts next (ld.so(8)). */
export function steersTheLoader(variable: string): boolean {
  return /^(LD|DYLD)_/i.test(variable);
}

export function isServiceName(text: string): boolean {
  return text.length <= maxNameLength && serviceNamePattern.test(text);
}

/** Signal names of RFC 4254 §6.10, without "SIG", with their Linux numbers (signal(7), x86 and ARM). */
export const signalNumbers = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  ABRT: 6,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
} as const;
export type SignalName = keyof typeof signalNumbers;

/** Numbers of the signals that ask a service to stop. */
export const stopSignals: number[] = [signalNumbers.TERM, signalNumbers.INT];

export function isSignalName(text: string): text is SignalName {
  return Object.hasOwn(signalNumbers, text);
}

/** The RFC name of a signal that ended a process, or `SIG` plus the number for one the RFC does not list. */
export function signalNameOf(number: number): string {
  for (const [name, value] of Object.entries(signalNumbers)) if (value === number) return name;
  return `${number}@sallyport`;
}
