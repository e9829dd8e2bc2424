/** What SSH is spoken over: a TCP connection, or a channel of another SSH connection. */

import type { Duplex } from "node:stream";

export interface Transport extends Duplex {
  /** Numeric address of the client, and its port. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: "IPv4" | "IPv6";
  /** Bytes read and written so far. */
  readonly transferredBytes: number;
}
