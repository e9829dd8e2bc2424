/** What a stream needs of the link that carries it. */

import type { WindowPool } from "./window.ts";

export interface StreamLink {
  readonly pool: WindowPool;
  /** Probes and resends are never rarer, milliseconds. */
  readonly probeLastMs: number;
  now(): number;
  /** Seals and sends a plain frame. */
  transmit(plain: Uint8Array): void;
  /** Asks for the stream's `tick`. */
  wake(): void;
  /** Nothing of the stream is needed any more. */
  forget(id: number): void;
  /** Ends the link. */
  fail(cause: Error): void;
}

/** What every frame says of the other direction: the next position expected, and how far beyond it the peer may send. */
export interface Acknowledgement {
  ack: number;
  credit: number;
}

/** How often a peer is asked for the same thing again, milliseconds, while nothing moves. */
export const nakIntervalMs = 50;
