import assert from "node:assert/strict";
import { ProtocolError } from "../../../../shared/protocol/codec.ts";
import {
  type LeaseState,
  leaseStates,
  nextState,
  vocabulary,
} from "../../../../services/host/worker/vocabulary.ts";

const messages = [
  "lease.open",
  "trust.update",
  "lease.responses",
  "channel.open",
  "channel.signal",
  "channel.close",
  "lease.close",
] as const;

/** Written out by hand, so that a slip in the table is a failing test. */
const legal: [LeaseState, typeof messages[number], LeaseState][] = [
  ["assigned", "lease.open", "opening"],
  ["assigned", "trust.update", "closing"],
  ["assigned", "lease.close", "closing"],
  ["opening", "lease.responses", "opening"],
  ["opening", "lease.close", "closing"],
  ["open", "channel.open", "open"],
  ["open", "channel.signal", "open"],
  ["open", "channel.close", "open"],
  ["open", "lease.close", "closing"],
  ["attached", "lease.close", "closing"],
];

Deno.test("nextState() admits exactly the legal pairs of state and message", () => {
  for (const state of leaseStates) {
    for (const message of messages) {
      const expected = legal.find(([from, by]) => from === state && by === message)?.[2];
      if (expected) assert.equal(nextState(state, message), expected);
      else assert.throws(() => nextState(state, message), ProtocolError, `${message} in ${state}`);
    }
  }
});

Deno.test("vocabulary names every state", () => {
  assert.deepEqual(Object.keys(vocabulary), [...leaseStates]);
});
