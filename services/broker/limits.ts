/** Every bound of the broker: unit in the name, reason beside it. Where nats-server has one, it is nats-server's. */

/** Longest line of the protocol, CRLF excluded. */
export const maxControlLineBytes = 4_096;
/** Largest message, headers included. */
export const maxPayloadBytes = 1_048_576;
/** A connection has to have proven its identity by then. */
export const authTimeoutMs = 2_000;
/** The broker asks after a silent client at this pace, and gives up after two unanswered questions. */
export const pingIntervalMs = 30_000;
export const maxPingsOut = 2;
/** Producers of a consumer this far behind are not read from until it has caught up to half. */
export const pauseAtBytes = 8 * 1_048_576;
/** A consumer this far behind, or without progress for so long, is cut off. */
export const cutAtBytes = 64 * 1_048_576;
export const stallTimeoutMs = 10_000;
/** How long an ended connection may take to read why. */
export const lingerMs = 2_000;
/** A client whose one read brings this much lets the others have their turn before its next. */
export const bulkReadBytes = 65_536;
/** Gateways, hosts and auditors hold a handful; requests without a mux one each. */
export const maxSubscriptionsPerClient = 8_192;
/** One machine's processes and its tools. */
export const maxClients = 1_024;
/** Any local user may connect to a loopback port. */
export const maxUnauthenticatedClients = 64;
/** A client that answers requests may do so until then, once each; older grants go when there are too many. */
export const responseTtlMs = 30_000;
export const maxResponseGrants = 16_384;
/** Subjects whose routes and permissions are remembered; frames of a lease use two. */
export const maxCachedSubjects = 8_192;
/** Deadlines are looked after at this pace. */
export const tickMs = 1_000;
