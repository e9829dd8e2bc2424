/** Between the monitor and the zygote, on one AF_UNIX SEQPACKET socket: one JSON message a record, answers in turn. */

import { Fields } from "./codec.ts";
import { maxRecordBytes } from "./limits.ts";

/** Monitor → zygote, with one descriptor: the worker's socket. */
export interface ZygoteRequest {
  type: "fork";
}

export type ZygoteReply =
  /** Once, unasked: forked children work on this machine. */
  | { type: "ready" }
  /** The worker runs. */
  | { type: "forked"; pid: number }
  /** The zygote is of no use; it ends. */
  | { type: "failed"; cause: string };

/** @throws {ProtocolError} */
export function decodeZygoteReply(bytes: Uint8Array): ZygoteReply {
  const fields = Fields.parse(bytes, maxRecordBytes);
  const type = fields.oneOf("type", ["ready", "forked", "failed"]);
  switch (type) {
    case "ready":
      return { type };
    case "forked":
      return { type, pid: fields.integer("pid", 1, 0x7fff_ffff) };
    case "failed":
      return { type, cause: fields.string("cause", maxRecordBytes) };
  }
}
