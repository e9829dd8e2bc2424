/** `deno run -A test/bench/link.ts`: MB/s of one stream from link to link in process: what sealing and copies cost. */

import { aes256Gcm, hasLibcrypto } from "../../ffi/libcrypto.ts";
import { RecordKind } from "../../shared/protocol/channel.ts";
import type { Aead } from "../../shared/stream/aead.ts";
import { LeaseLink } from "../../shared/stream/link.ts";
import { WindowPool } from "../../shared/stream/window.ts";
import { chacha20Poly1305 } from "../../shared/trust/chacha.ts";

const rounds = 5;
const minute = 60_000;

/** Frames wait for the next microtask, as on a bus that is infinitely fast. */
function carrier(receive: (frame: Uint8Array) => void) {
  return {
    lend: (maxBytes: number) => {
      const buffer = new Uint8Array(maxBytes);
      return { buffer, commit: (bytes: number) => queueMicrotask(() => receive(buffer.subarray(0, bytes))) };
    },
  };
}

/** @returns MB/s */
async function measure(suite: (key: Uint8Array) => Aead, writeBytes: number, bytes: number): Promise<number> {
  const up = crypto.getRandomValues(new Uint8Array(32));
  const down = crypto.getRandomValues(new Uint8Array(32));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const common = { sessionTimeoutMs: minute, onDead: reject };
  const gateway: LeaseLink = new LeaseLink({
    ...common,
    side: "gateway",
    seal: suite(up),
    unseal: suite(down),
    carrier: carrier((frame) => host.receive(frame)),
    pool: new WindowPool(),
  });
  const host: LeaseLink = new LeaseLink({
    ...common,
    side: "host",
    seal: suite(down),
    unseal: suite(up),
    carrier: carrier((frame) => gateway.receive(frame)),
    pool: new WindowPool(),
  });
  let received = 0;
  const to = host.open(1, {
    onWritable: () => {},
    onRecord: (_kind, data) => {
      received += data.length;
      to.consumed(data.length);
      if (received >= bytes) resolve();
    },
  });
  let sent = 0;
  const pump = () => {
    while (sent < bytes && from.room() > 0) {
      sent += from.fill(RecordKind.data, Math.min(writeBytes, bytes - sent), (buffer) => buffer.length);
    }
  };
  const from = gateway.open(1, { onRecord: () => {}, onWritable: pump });
  const start = performance.now();
  pump();
  await promise;
  const seconds = (performance.now() - start) / 1_000;
  gateway.close();
  host.close();
  return bytes / 1e6 / seconds;
}

const plain: Aead = { seal: (_n, _h, text, sealed) => sealed.set(text), open: () => true, dispose: () => {} };
const suites: Record<string, (key: Uint8Array) => Aead> = {
  "not sealed": () => plain,
  ...(hasLibcrypto() ? { "aes-256-gcm, libcrypto": aes256Gcm } : {}),
  "chacha20-poly1305, node:crypto": chacha20Poly1305,
};

if (import.meta.main) {
  for (const [name, suite] of Object.entries(suites)) {
    for (const [writeBytes, bytes] of [[Infinity, 200e6], [4_095, 50e6], [64, 2e6]] as const) {
      const results: number[] = [];
      for (let round = 0; round < rounds; round++) results.push(await measure(suite, writeBytes, bytes));
      const median = results.sort((a, b) => a - b)[rounds >> 1]!;
      console.log(`${name}, writes of ${writeBytes} bytes: ${median.toFixed(0)} MB/s`);
    }
  }
}
