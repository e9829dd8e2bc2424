/** Every limit of the wire contract: unit in the name, reason beside it. */

/** SSH caps a packet at 35,000 bytes (RFC 4253 §6.1), so no command or environment value can be longer. */
export const maxCommandBytes = 32_768;
/** Environment variables one channel may carry; OpenSSH's MAX_ENV-like bound against a hostile client. */
export const maxEnvironmentVariables = 128;
export const maxEnvironmentValueBytes = 8_192;
/** All variables of a channel together, as JSON: with the longest command they still fit into one record. */
export const maxEnvironmentBytes = 65_536;
/** One variable of ssh_service.pam.environment; Teleport cuts at the same length. */
export const maxPamValueBytes = 10_240;
/** All of them: as much as a client may send. */
export const maxPamEnvironmentBytes = 65_536;
/** A lease's journal entry: such an environment, should every byte take six characters in JSON, and its items. */
export const maxJournalBytes = 524_288;
/** Terminal names are short; RFC 4254 sets no bound. */
export const maxTerminalNameBytes = 128;
/** One byte opcode and four byte value, at most 159 opcodes (RFC 4254 §8). */
export const maxTerminalModesBytes = 159 * 5 + 1;
/** Signed envelopes (lease.open, lease.answer, heartbeats): generous for roles and traits, small for a parser. */
export const maxEnvelopeBytes = 65_536;
/** The signed list of revoked members; it must fit into a record between processes as well. */
export const maxRevocationsBytes = 98_304;
/** Members a fleet key can revoke: 47 bytes of JSON each, in base64. */
export const maxRevoked = 1_500;
/** One record between monitor, dispatcher and worker; below Linux's default 212,992-byte socket buffer. */
export const maxRecordBytes = 131_072;
/** Linux refuses longer logins (utmp UT_NAMESIZE, useradd). */
export const maxLoginLength = 32;
/** One person's sessions in one list; each takes some 150 bytes of a record. */
export const maxSessionsListed = 500;
/** Session ids are those of processes (pid_t). */
export const maxSessionId = 0x7fff_ffff;

/** A host's or gateway's name is one subject token. */
export const maxNameLength = 63;
/** A label's value: a line of a table can still show it. */
export const maxLabelValueLength = 128;
/** Labels of one host. */
export const maxLabels = 64;

/** A whole sealed frame; 16-32 KiB travels best through a NATS server (measured). */
export const maxFrameBytes = 32_768;

/** Longest time a role may give or take: a timer of JavaScript counts no further. */
export const maxGrantMs = 0x7fff_ffff;

/** A lease.open is worthless after this; only the time until the host's answer, PAM comes later. */
export const leaseOpenTtlMs = 30_000;
/** How long a gateway waits for the signed answer before it says the host does not answer. */
export const leaseAnswerTimeoutMs = 10_000;
/** Each process says it lives at this pace. */
export const heartbeatIntervalMs = 5_000;
/** A process silent for this long is dead: its leases end. Three heartbeats. */
export const heartbeatTimeoutMs = 15_000;

/** How often it is looked who is silent: a dead process is known this much after its three heartbeats, at the latest. */
export const silenceCheckMs = 1_000;

/** PAM_MAX_NUM_MSG <security/_pam_types.h>: questions in one call of a module. */
export const maxResponses = 32;
/** PAM_MAX_RESP_SIZE <security/_pam_types.h>: bytes of an answer. */
export const maxResponseBytes = 512;
/** PAM_MAX_MSG_SIZE <security/_pam_types.h>: characters of a question. */
export const maxPromptTextLength = 512;
/** What modules said before a question: with 32 long questions it still fits into one SSH packet of 35,000 bytes. */
export const maxInstructionLength = 4_096;
