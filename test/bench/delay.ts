/** A TCP relay that delivers every byte a fixed time later, as a long way would. Works where the kernel has no netem. */

export interface Delay extends Disposable {
  port: number;
}

/** @param oneWayMs How long every byte is held, in each direction */
export function startDelay(targetPort: number, oneWayMs: number): Delay {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  (async () => {
    for await (const near of listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port: targetPort });
      for (const connection of [near, far]) {
        connection.setNoDelay();
        connections.add(connection);
      }
      carry(near, far, oneWayMs);
      carry(far, near, oneWayMs);
    }
  })();
  return {
    port: listener.addr.port,
    [Symbol.dispose]() {
      listener.close();
      for (const connection of connections) {
        try {
          connection.close();
        } catch {
          // Closed already.
        }
      }
    },
  };
}

/** What is on the way at most: a long fat pipe holds more than any window of SSH. */
const maxHeldBytes = 64_000_000;

async function carry(from: Deno.TcpConn, to: Deno.TcpConn, oneWayMs: number): Promise<void> {
  let held = 0;
  let roomAgain = Promise.withResolvers<void>();
  let written = Promise.resolve();
  const fail = () => {};
  for (;;) {
    const buffer = new Uint8Array(65_536);
    const length = await from.read(buffer).catch(() => null);
    const dueAt = performance.now() + oneWayMs;
    const bytes = length === null ? null : buffer.subarray(0, length);
    held += length ?? 0;
    written = written.then(async () => {
      const wait = dueAt - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (bytes === null) return await to.closeWrite();
      for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
      held -= bytes.length;
      roomAgain.resolve();
    }).catch(fail);
    if (length === null) return;
    while (held > maxHeldBytes) {
      roomAgain = Promise.withResolvers();
      await roomAgain.promise;
    }
  }
}
