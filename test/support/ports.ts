/** TCP ports of the loopback. */

/**
 * Ports to choose from. The kernel gives outgoing connections theirs from 32768 on (ip_local_port_range), and would give
 * one of these away between choosing and listening.
 */
const [first, end] = [10_000, 32_000];
/** Test processes that run side by side begin at different places, and go round. */
let next = first + Math.floor(Math.random() * (end - first));

/** A port nobody listens on now, and that this process does not give again soon. */
export function freePort(): number {
  for (;;) {
    const port = next;
    next = next + 1 < end ? next + 1 : first;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
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
