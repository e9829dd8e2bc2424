/** The only place where subjects are built. Destination first, so one wildcard and one permission line per process. */

import { isLeaseId, isName } from "./names.ts";

const prefix = "sallyport";

function token(kind: string, text: string): string {
  if (!isName(text)) throw new TypeError(`Cannot use '${text}' as the name of a ${kind} in a subject`);
  return text;
}

function leaseToken(lease: string): string {
  if (!isLeaseId(lease)) throw new TypeError(`Cannot use '${lease}' as a lease id in a subject`);
  return lease;
}

/** Requests to open a lease on `host` (request/reply; no responder means the host is down). */
export function leaseOpenSubject(host: string): string {
  return `${prefix}.open.${token("host", host)}`;
}

/** Sealed frames of one lease on their way to the host. */
export function toHostSubject(host: string, gateway: string, lease: string): string {
  return `${prefix}.h.${token("host", host)}.${token("gateway", gateway)}.${leaseToken(lease)}`;
}

/** Sealed frames of one lease on their way to the gateway. */
export function toGatewaySubject(gateway: string, host: string, lease: string): string {
  return `${prefix}.g.${token("gateway", gateway)}.${token("host", host)}.${leaseToken(lease)}`;
}

/** What a host subscribes to for all its leases. */
export function framesForHost(host: string): string {
  return `${prefix}.h.${token("host", host)}.>`;
}

/** What a gateway subscribes to for all its leases. */
export function framesForGateway(gateway: string): string {
  return `${prefix}.g.${token("gateway", gateway)}.>`;
}

/** The same, from one host alone. */
export function framesBetween(gateway: string, host: string): string {
  return `${prefix}.g.${token("gateway", gateway)}.${token("host", host)}.*`;
}

export function hostHeartbeatSubject(host: string): string {
  return `${prefix}.beat.host.${token("host", host)}`;
}

export function gatewayHeartbeatSubject(gateway: string): string {
  return `${prefix}.beat.gateway.${token("gateway", gateway)}`;
}

/** Heartbeats of every host / every gateway. */
export const allHostHeartbeats = `${prefix}.beat.host.*`;
export const allGatewayHeartbeats = `${prefix}.beat.gateway.*`;

/** The SSH certificate by which `gateway` may answer for `host`, said by that host; it proves itself. */
export function certificateSubject(gateway: string, host: string): string {
  return `${prefix}.certificate.${token("gateway", gateway)}.${token("host", host)}`;
}

/** All that are for one gateway. */
export function certificatesForGateway(gateway: string): string {
  return `${prefix}.certificate.${token("gateway", gateway)}.*`;
}

/** Whose certificate comes on such a subject, or `null` when it is no name. */
export function hostOfCertificateSubject(subject: string): string | null {
  const host = subject.slice(subject.lastIndexOf(".") + 1);
  return isName(host) ? host : null;
}

/** The newest list of revoked members, said by whoever knows it to those who do not; it proves itself. */
export const revocationsSubject = `${prefix}.revocations`;

/** Prefix of the reply inboxes of one identity. */
export function inboxPrefix(name: string): string {
  return `_INBOX.${token("process", name)}`;
}

/** The lease id at the end of a frame subject, or `null` when there is none. */
export function leaseOfSubject(subject: string): string | null {
  const lease = subject.slice(subject.lastIndexOf(".") + 1);
  return isLeaseId(lease) ? lease : null;
}

/** Subjects one identity may publish to and subscribe to; anything else is refused by the broker. */
export interface AllowList {
  publish: string[];
  subscribe: string[];
  /** Whether it may answer requests on inboxes it could not publish to otherwise. */
  responds: boolean;
}

export function hostAllowList(host: string): AllowList {
  const name = token("host", host);
  return {
    publish: [
      ...[`${prefix}.g.*.${name}.*`, hostHeartbeatSubject(name), revocationsSubject],
      `${prefix}.certificate.*.${name}`,
    ],
    subscribe: [
      ...[leaseOpenSubject(name), framesForHost(name), allGatewayHeartbeats, revocationsSubject],
      `${inboxPrefix(name)}.>`,
    ],
    responds: true,
  };
}

export function gatewayAllowList(gateway: string): AllowList {
  const name = token("gateway", gateway);
  return {
    publish: [
      ...[`${prefix}.open.*`, `${prefix}.h.*.${name}.*`, gatewayHeartbeatSubject(name), revocationsSubject],
    ],
    subscribe: [
      ...[framesForGateway(name), allHostHeartbeats, revocationsSubject, certificatesForGateway(name)],
      `${inboxPrefix(name)}.>`,
    ],
    responds: false,
  };
}

/** Whoever audits a fleet just subscribes: it may listen to heartbeats and events, and publish nothing. */
export function auditorAllowList(auditor: string): AllowList {
  return {
    publish: [],
    subscribe: [allHostHeartbeats, allGatewayHeartbeats, `${inboxPrefix(auditor)}.>`],
    responds: false,
  };
}
