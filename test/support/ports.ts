/** TCP ports of the loopback. */

/** A port nobody listens on now. In a network namespace of our own nobody else will take it. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether somebody accepts connections on `port`. */
export async function connectable(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
