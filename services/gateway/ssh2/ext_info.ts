/**
 * EXT_INFO (RFC 8308): which signatures we take from users, and that we answer pings.
 *
 * Stock: `sendExtInfo()` (lib/protocol/Protocol.js) forgets a comma (`ecdsa-sha2-nistp521rsa-sha2-512`), so a client
 * that has only rsa-sha2-512 is refused, and it advertises SHA-1 and DSA. The function is private to its module, but
 * it is only called when the exchange says that the client wants it.
 */

import { userSignatureAlgorithms } from "./algorithms.ts";
import type { SshClient } from "./internals.ts";
import { byte, Message, sendMessage, string, uint32 } from "./messages.ts";

export function repairExtInfo(client: SshClient): void {
  const { _protocol: protocol } = client;
  const stock = protocol._onHandshakeComplete;
  let first = true;
  protocol._onHandshakeComplete = (negotiated) => {
    const exchange = protocol._kex;
    if (first && exchange?.remoteExtInfoEnabled) {
      sendMessage(protocol, [
        byte(Message.extInfo),
        uint32(2),
        string("server-sig-algs"),
        string(userSignatureAlgorithms.join(",")),
        // OpenSSH PROTOCOL §1.12; its client needs it to hide the timing of keystrokes
        string("ping@openssh.com"),
        string("0"),
      ]);
      exchange.remoteExtInfoEnabled = false;
    }
    first = false;
    stock(negotiated);
  };
}
