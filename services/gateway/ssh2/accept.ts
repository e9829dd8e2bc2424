/** Turning an accepted TCP connection into an SSH server connection with every repair applied. */

import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { Connection } from "ssh2";
import { hasLibcrypto } from "../../../ffi/libcrypto.ts";
import { kexOffer } from "./algorithms.ts";
import { ExchangeWitness } from "./ciphers/mod.ts";
import { ConnStream } from "./conn_stream.ts";
import type { HostKeys } from "./host_keys.ts";
import { IncomingClient } from "./internals.ts";
import type { Transport } from "./transport.ts";
import { defaultRekeyLimits, type RekeyLimits } from "./rekey.ts";
import { repair } from "./repairs.ts";

export interface SshServerOptions {
  hostKeys: HostKeys;
  /**
   * What follows `SSH-2.0-` in our identification (RFC 4253 §4.2).
   * @default "OpenSSH_9.9-sallyport": OpenSSH clients send `eow@openssh.com` only to a server named so
   */
  ident?: string;
  /** Shown before authentication. */
  banner?: string;
  /** As sshd's ClientAliveInterval, milliseconds. @default {0} never asks */
  clientAliveIntervalMs?: number;
  /** As sshd's ClientAliveCountMax. @default {3} */
  clientAliveCountMax?: number;
  onDebug?: (line: string) => void;
  /** @default "libcrypto" where the library is there, else "javascript", which is ssh2's own */
  ciphers?: "libcrypto" | "javascript";
  /** @default 1 GiB or an hour */
  rekeyLimits?: RekeyLimits;
}

/** ssh2 takes 0 for "use the default"; this is the longest a timer can wait, 24 days. */
const never = 2 ** 31 - 1;
const defaultIdent = "OpenSSH_9.9-sallyport";

/**
 * Serves SSH on `conn`, which belongs to the returned connection from now on.
 *
 * Every error ends in the connection's `error` event, followed by `close`; a connection without an `error` listener
 * is safe.
 */
export function acceptConnection(conn: Deno.TcpConn, options: SshServerOptions): Connection {
  return acceptOver(new ConnStream(conn), options);
}

/** As {@link acceptConnection}, over whatever carries it. */
export function acceptOver(transport: Transport, options: SshServerOptions): Connection {
  const { hostKeys, ident = defaultIdent, banner, onDebug, rekeyLimits = defaultRekeyLimits } = options;
  const ciphers = options.ciphers ?? (hasLibcrypto() ? "libcrypto" : "javascript");
  const witness = ciphers === "libcrypto" ? new ExchangeWitness() : undefined;
  const client = new IncomingClient(
    transport,
    witness?.hostKeys(hostKeys.byAlgorithm) ?? hostKeys.byAlgorithm,
    Buffer.from(ident),
    kexOffer(hostKeys),
    onDebug,
    {
      emit: () => {
        onIdentified();
        return true;
      },
    },
    {
      banner,
      keepaliveInterval: options.clientAliveIntervalMs || never,
      keepaliveCountMax: options.clientAliveCountMax ?? 3,
    },
  );
  // Without a listener an `error` event is thrown, and would end the process
  client.on("error", () => {});
  const { onIdentified } = repair(client, { hostKeys, witness, rekeyLimits });
  return client;
}
