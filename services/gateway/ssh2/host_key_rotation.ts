/**
 * Telling clients all our host keys, so that `UpdateHostKeys` learns them before one is replaced.
 *
 * Stock has the client's side only. OpenSSH PROTOCOL §2.5: hostkeys-00@openssh.com after authentication, and
 * hostkeys-prove-00@openssh.com when the client wants proof for those it did not know.
 */

import { Buffer } from "node:buffer";
import type { HostKeys } from "./host_keys.ts";
import { convertSignature, type HostKey, type SshClient } from "./internals.ts";
import { byte, Message, sendMessage, string } from "./messages.ts";
import { WireReader } from "./wire_reader.ts";

const announce = "hostkeys-00@openssh.com";
const prove = "hostkeys-prove-00@openssh.com";

function proof(key: HostKey, sessionId: Buffer): Buffer | undefined {
  const isRsa = key.type === "ssh-rsa";
  const signed = key.sign(
    Buffer.concat([string(prove), string(sessionId), string(key.getPublicSSH())]),
    isRsa ? "sha512" : undefined,
  );
  const signature = signed instanceof Error ? false : convertSignature(signed, key.type);
  if (!signature) return undefined;
  return string(Buffer.concat([string(isRsa ? "rsa-sha2-512" : key.type), string(signature)]));
}

export function announceHostKeys(client: SshClient, { keys }: HostKeys): void {
  const { _protocol: protocol } = client;
  client.once("ready", () => {
    const blobs = keys.map((key) => string(key.getPublicSSH()));
    sendMessage(protocol, [byte(Message.globalRequest), string(announce), byte(0), ...blobs]);
  });

  const stock = protocol._handlers.GLOBAL_REQUEST;
  protocol._handlers.GLOBAL_REQUEST = (self, name, wantReply, data) => {
    const sessionId = protocol._kex?.sessionID;
    if (name !== prove || !wantReply || !client.authenticated || !sessionId) {
      return stock(self, name, wantReply, data);
    }
    const reader = new WireReader(data as Buffer);
    const proofs: Buffer[] = [];
    while (reader.left > 0 && proofs.length < keys.length) {
      const blob = reader.view();
      const key = keys.find((known) => known.getPublicSSH().equals(blob));
      const signature = key && proof(key, sessionId);
      if (!signature) return protocol.requestFailure();
      proofs.push(signature);
    }
    protocol.requestSuccess(Buffer.concat(proofs));
  };
}
