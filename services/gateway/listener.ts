/** Accepting TCP connections: MaxStartups, and one {@link SshConnection} each. */

import type { Logger } from "../../shared/log.ts";
import { type ConnectionOptions, SshConnection } from "./connection.ts";
import { acceptConnection, type SshServerOptions } from "./ssh2/mod.ts";
import { dropsStartup, type MaxStartups } from "./startups.ts";

export interface ListenerOptions {
  ssh: SshServerOptions;
  maxStartups: MaxStartups;
  connection: Omit<ConnectionOptions, "client" | "onSettled" | "onClosed">;
  log: Logger;
}

/** Out of descriptors or memory for a moment: accepting again at once would only spin. */
const acceptPauseMs = 100;

/** All connections of this gateway, whichever address they came in by. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #connections = new Set<SshConnection>();
  #unauthenticated = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Accepts until the listener is closed. */
  async serve(listener: Deno.TcpListener): Promise<void> {
    for (;;) {
      try {
        const conn = await listener.accept();
        this.#acceptOrClose(conn);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        this.#options.log.error("Cannot accept a connection: {cause}", { cause: String(error) });
        await new Promise((resolve) => setTimeout(resolve, acceptPauseMs));
      }
    }
  }

  /** A connection that is gone already must not count, nor end the loop. */
  #acceptOrClose(conn: Deno.TcpConn): void {
    try {
      this.#accept(conn);
    } catch (cause) {
      this.#options.log.info("A connection was gone at once: {cause}", { cause: String(cause) });
      conn.close();
    }
  }

  #accept(conn: Deno.TcpConn): void {
    const { maxStartups, log, ssh, connection } = this.#options;
    if (dropsStartup(this.#unauthenticated, maxStartups, Math.random())) {
      log.warn("Dropped a connection from {address}: MaxStartups", { address: conn.remoteAddr.hostname });
      conn.close();
      return;
    }
    const client = {
      address: conn.remoteAddr.hostname,
      port: conn.remoteAddr.port,
      serverAddress: conn.localAddr.hostname,
      serverPort: conn.localAddr.port,
    };
    const accepted: SshConnection = new SshConnection(acceptConnection(conn, ssh), {
      ...connection,
      client,
      onSettled: () => this.#unauthenticated--,
      onClosed: () => this.#closed(accepted),
    });
    this.#unauthenticated++;
    this.#connections.add(accepted);
  }

  /** Ends the connections of people who have not logged in, with a sentence; resolves when the others have ended. */
  async drained(sentence: string): Promise<void> {
    for (const connection of this.#connections) if (!connection.isLoggedIn) connection.end(sentence);
    if (this.#connections.size === 0) return;
    this.#drained ??= Promise.withResolvers();
    await this.#drained.promise;
  }

  #closed(connection: SshConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#drained?.resolve();
  }

  /** Ends every connection with a sentence. */
  endAll(sentence: string): void {
    for (const connection of this.#connections) connection.end(sentence);
  }
}
