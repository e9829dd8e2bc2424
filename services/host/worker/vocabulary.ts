/** What the dispatcher may say to a worker, and when: a closed, ordered vocabulary. Anything else ends the lease. */

import { ProtocolError } from "../../../shared/protocol/codec.ts";
import type { WorkerRequest } from "../../../shared/protocol/worker.ts";

export const leaseStates = ["assigned", "opening", "open", "attached", "closing"] as const;
/**
 * `assigned` by the monitor → `opening` through PAM → `open` for channels, or
 * `attached` to those of another lease → `closing` PAM again.
 */
export type LeaseState = typeof leaseStates[number];

type Message = WorkerRequest["type"];

/** For each state, the messages it admits and the state that follows. */
export const vocabulary: Record<LeaseState, Partial<Record<Message, LeaseState>>> = {
  assigned: {
    "lease.open": "opening",
    "trust.update": "closing",
    "lease.close": "closing",
  },
  // PAM runs here, synchronously: only while a module waits for answers is anything read.
  opening: {
    "lease.responses": "opening",
    "lease.close": "closing",
  },
  open: {
    "channel.open": "open",
    "channel.signal": "open",
    "channel.close": "open",
    "lease.close": "closing",
  },
  attached: {
    "lease.close": "closing",
  },
  closing: {},
};

/**
 * The state after `message` arrived in `state`.
 *
 * @throws {ProtocolError} If the state does not admit the message
 */
export function nextState(state: LeaseState, message: Message): LeaseState {
  const next = vocabulary[state][message];
  if (next === undefined) throw new ProtocolError(`Cannot take ${message} while the lease is ${state}`);
  return next;
}
