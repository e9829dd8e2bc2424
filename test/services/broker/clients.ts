/** Clients for the tests: the official one, our bus, and bare sockets that may misbehave. */

import { type NatsConnection, NatsConnectionImpl, nkeyAuthenticator } from "@nats-io/nats-core/internal";
import { fromSeed } from "@nats-io/nkeys";
import type { Bus } from "../../../shared/bus/bus.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { useGuardedTransport } from "../../../shared/bus/transport.ts";
import type { TestIdentity, TestServer } from "./servers.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The official client, without our adapter. */
export function connectClient(
  server: TestServer,
  identity: TestIdentity,
  options: { noEcho?: boolean } = {},
): Promise<NatsConnection> {
  useGuardedTransport();
  return NatsConnectionImpl.connect({
    servers: server.url,
    authenticator: nkeyAuthenticator(encoder.encode(identity.seed)),
    ...options,
  });
}

export interface TestBus extends AsyncDisposable {
  bus: Bus;
  /** What went to `onError`, as text. */
  errors: string[];
}

/** Our adapter. */
export async function connectTestBus(
  server: TestServer,
  identity: TestIdentity,
  name: string,
): Promise<TestBus> {
  const errors: string[] = [];
  const bus = await connectBus({
    settings: { servers: [server.url], nkeySeedFile: null, tls: null },
    credentials: { nkeySeed: encoder.encode(identity.seed), tls: null },
    name,
    onError: (cause) => errors.push(String(cause)),
  });
  return { bus, errors, [Symbol.asyncDispose]: () => bus.close() };
}

/** A socket that says what the test tells it to. */
export class RawClient implements Disposable {
  readonly conn: Deno.TcpConn;
  #text = "";

  private constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Opens and logs in; `options` go into CONNECT. */
  static async login(
    server: { port: number },
    identity: TestIdentity,
    options: Record<string, unknown> = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(server.port);
    const pair = fromSeed(encoder.encode(identity.seed));
    const sig = pair.sign(encoder.encode(await client.nonce())).toBase64();
    const connect = { verbose: false, pedantic: false, nkey: pair.getPublicKey(), sig, ...options };
    await client.send(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`);
    await client.read(/PONG\r\n/);
    return client;
  }

  async nonce(): Promise<string> {
    const [line] = await this.read(/^INFO (\{.*\}) ?\r\n/);
    return JSON.parse(line.slice(5)).nonce;
  }

  async send(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    for (let sent = 0; sent < bytes.length;) sent += await this.conn.write(bytes.subarray(sent));
  }

  /** Reads until `pattern` is found, and forgets everything up to its end. */
  async read(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#text);
      if (found) {
        this.#text = this.#text.slice(found.index + found[0].length);
        return found;
      }
      const bytes = await this.#more();
      if (bytes === null) throw new Error(`The connection ended before ${pattern}: '${this.#text}'`);
    }
  }

  /** Reads to the end and gives all that was not read before. */
  async readAll(): Promise<string> {
    while (await this.#more() !== null);
    return this.#text;
  }

  async #more(): Promise<number | null> {
    const buffer = new Uint8Array(65_536);
    try {
      const bytes = await this.conn.read(buffer);
      if (bytes !== null) this.#text += decoder.decode(buffer.subarray(0, bytes));
      return bytes;
    } catch {
      return null; // A reset is an end, too.
    }
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Closed by the test.
    }
  }
}
