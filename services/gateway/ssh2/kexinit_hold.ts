/**
 * Holding our KEXINIT back until the client's has come.
 *
 * Stock sends it as soon as the client's identification is there (lib/protocol/Protocol.js parseHeader()). The
 * client's next packet then waits for the acknowledgement of its own KEXINIT (Nagle against delayed ACK): about 40 ms
 * in half of all connections. With one segment from us in answer to its KEXINIT there is nothing to wait for.
 */

import type { SshClient } from "./internals.ts";

/** A client that waits for our KEXINIT before it sends its own gets it after this. */
const holdMs = 25;

/** Holds back what is written from now on; the returned function lets it go. */
export function holdWrites(client: SshClient): () => void {
  const socket = client._sock;
  socket.cork();
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    clearTimeout(timer);
    socket.uncork();
  };
  const timer = setTimeout(release, holdMs);
  client.once("close", release);
  return release;
}
