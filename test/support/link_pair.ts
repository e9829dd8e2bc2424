/** Two ends of one lease over an {@link EvilBus}, and applications that check what comes out. */

import { RecordKind } from "../../shared/protocol/channel.ts";
import { LeaseLink } from "../../shared/stream/link.ts";
import type { ReliableStream } from "../../shared/stream/stream.ts";
import { WindowPool } from "../../shared/stream/window.ts";
import { chacha20Poly1305 } from "../../shared/trust/chacha.ts";
import { type EvilBus, type VirtualTime, watchNonces } from "./evil_bus.ts";

export interface LinkPair {
  gateway: LeaseLink;
  host: LeaseLink;
  pools: { gateway: WindowPool; host: WindowPool };
  deaths: Error[];
}

export interface LinkPairOptions {
  sessionTimeoutMs?: number;
  contactTimeoutMs?: number;
  /** What the windows of each side may grow by together. */
  poolBytes?: number;
}

export function linkPair(time: VirtualTime, bus: EvilBus, options: LinkPairOptions = {}): LinkPair {
  const { sessionTimeoutMs = 60_000, contactTimeoutMs = sessionTimeoutMs, poolBytes } = options;
  const toHost = crypto.getRandomValues(new Uint8Array(32));
  const toGateway = crypto.getRandomValues(new Uint8Array(32));
  const deaths: Error[] = [];
  const pools = { gateway: new WindowPool(poolBytes), host: new WindowPool(poolBytes) };
  const common = {
    sessionTimeoutMs,
    contactTimeoutMs,
    onDead: (cause: Error) => void deaths.push(cause),
    ticker: time.ticker,
  };
  const gateway: LeaseLink = new LeaseLink({
    ...common,
    side: "gateway",
    seal: watchNonces(chacha20Poly1305(toHost)),
    unseal: chacha20Poly1305(toGateway),
    carrier: bus.carrier((frame) => host.receive(frame)),
    pool: pools.gateway,
  });
  const host: LeaseLink = new LeaseLink({
    ...common,
    side: "host",
    seal: watchNonces(chacha20Poly1305(toGateway)),
    unseal: chacha20Poly1305(toHost),
    carrier: bus.carrier((frame) => gateway.receive(frame)),
    pool: pools.host,
  });
  return { gateway, host, pools, deaths };
}

/** Sends `data`, then EOF, exit and close, as fast as the window allows. */
export function sender(link: LeaseLink, id: number, data: Uint8Array): ReliableStream {
  let sent = 0;
  let finished = false;
  const pump = () => {
    while (sent < data.length && stream.room() > 0) {
      sent += stream.fill(RecordKind.data, data.length - sent, (buffer) => {
        const part = data.subarray(sent, sent + buffer.length);
        buffer.set(part);
        return part.length;
      });
    }
    if (sent < data.length || finished) return;
    finished = true;
    stream.send(RecordKind.eof, new Uint8Array());
    stream.send(RecordKind.message, new TextEncoder().encode(`{"type":"exit","code":3}`));
    stream.send(RecordKind.close, new Uint8Array());
    stream.close();
  };
  const stream = link.open(id, { onRecord: () => {}, onWritable: pump });
  pump();
  return stream;
}

/** What a receiver saw. */
export interface Received {
  bytes: Uint8Array;
  /** Kinds of the records that are not data, in order. */
  marks: RecordKind[];
  /** Bytes delivered and not consumed yet, at most. */
  highWater: number;
}

/** Takes records, giving credit for each after `delayMs`. */
export function receiver(link: LeaseLink, id: number, time: VirtualTime, delayMs = 0): Received {
  const seen: Received = { bytes: new Uint8Array(), marks: [], highWater: 0 };
  const parts: Uint8Array[] = [];
  let held = 0;
  const stream = link.open(id, {
    onWritable: () => {},
    onRecord: (kind, data) => {
      if (kind !== RecordKind.data) {
        seen.marks.push(kind);
        seen.bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
      } else if (seen.marks.length > 0) {
        throw new Error("Data after EOF");
      } else {
        parts.push(data.slice());
      }
      const bytes = data.length;
      held += bytes;
      seen.highWater = Math.max(seen.highWater, held);
      time.after(delayMs, () => {
        held -= bytes;
        stream.consumed(bytes);
      });
    },
  });
  return seen;
}
