/** Servers and clients for the tests of ssh2's repairs: ours and stock ssh2 side by side, OpenSSH and raw packets. */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
// @ts-types="@types/ssh2"
import type { Connection, ServerChannel, Session } from "ssh2";
import type { SshClient } from "../../../../services/gateway/ssh2/internals.ts";
import { byte, sendMessage, string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import {
  acceptConnection,
  type HostKeys,
  loadHostKeys,
  type SshServerOptions,
} from "../../../../services/gateway/ssh2/mod.ts";
import { WireReader } from "../../../../services/gateway/ssh2/wire_reader.ts";

export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Keys made once per test process, in a folder that goes with it. */
class Keys {
  readonly folder = Deno.makeTempDirSync({ prefix: "sallyport-ssh2-" });

  constructor() {
    globalThis.addEventListener("unload", () => Deno.removeSync(this.folder, { recursive: true }));
    for (const [name, type, bits] of [["ed25519", "ed25519"], ["ecdsa", "ecdsa"], ["rsa", "rsa", "2048"]]) {
      this.generate(name!, type!, bits);
    }
    this.generate("user", "ed25519");
    this.generate("user_rsa", "rsa", "2048");
  }

  generate(name: string, type: string, bits?: string): void {
    const size = bits ? ["-b", bits] : [];
    const { success } = new Deno.Command("ssh-keygen", {
      args: ["-q", "-t", type, ...size, "-N", "", "-C", "", "-f", `${this.folder}/${name}`],
    }).outputSync();
    if (!success) throw new Error(`Cannot generate a key of type ${type}`);
  }

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }
}

let madeKeys: Keys | undefined;
export function keys(): Keys {
  return madeKeys ??= new Keys();
}

export function hostKeys(names = ["ed25519", "ecdsa", "rsa"]): HostKeys {
  return loadHostKeys(names.map((name) => keys().read(name)));
}

export interface Served extends AsyncDisposable {
  port: number;
  /** Resolves with the first connection. */
  connection: Promise<Connection>;
  /** Messages of `error` events of all connections. */
  errors: string[];
}

type Serve = (connection: Connection) => void;
export type Flavour = "ours" | "stock";

/** A server of either flavour; unless `serve` says otherwise everybody may log in. */
export function serve(
  flavour: Flavour,
  onConnection: Serve,
  options: Partial<SshServerOptions> = {},
): Promise<Served> {
  return flavour === "ours" ? serveOurs(onConnection, options) : serveStock(onConnection);
}

function prepare(connection: Connection, errors: string[], onConnection: Serve): void {
  connection.on("error", (error: Error) => errors.push(error.message));
  onConnection(connection);
  if (connection.listenerCount("authentication") === 0) {
    connection.on("authentication", (context) => context.accept());
  }
}

function serveOurs(onConnection: Serve, options: Partial<SshServerOptions>): Promise<Served> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const first = Promise.withResolvers<Connection>();
  const open = new Set<Connection>();
  const errors: string[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      const connection = acceptConnection(conn as Deno.TcpConn, { hostKeys: hostKeys(), ...options });
      open.add(connection);
      connection.on("close", () => open.delete(connection));
      prepare(connection, errors, onConnection);
      first.resolve(connection);
    }
  })();
  return Promise.resolve({
    port: listener.addr.port,
    connection: first.promise,
    errors,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      const closed = [...open].map((connection) => once(connection, "close"));
      for (const connection of open) (connection as unknown as SshClient)._sock.destroy();
      await Promise.all(closed);
    },
  });
}

async function serveStock(onConnection: Serve): Promise<Served> {
  const first = Promise.withResolvers<Connection>();
  const open = new Set<Connection>();
  const errors: string[] = [];
  const server = new ssh2.Server({
    hostKeys: ["ed25519", "ecdsa", "rsa"].map((name) => keys().read(name)),
    algorithms: { compress: ["none"] },
  }, (connection) => {
    open.add(connection);
    connection.on("close", () => open.delete(connection));
    prepare(connection, errors, onConnection);
    first.resolve(connection);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connection: first.promise,
    errors,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const connection of open) (connection as unknown as SshClient)._sock.destroy();
      await closed;
    },
  };
}

/** Serves sessions whose `exec` is `onExec`; everything before it is accepted. */
export function onExec(
  run: (accept: () => ServerChannel, command: string, session: Session) => void,
): Serve {
  return (connection) => {
    connection.on("session", (accept) => {
      const session = accept();
      for (const event of ["pty", "env"] as const) {
        session.on(event, (accept: unknown) => (accept as () => void)?.());
      }
      session.on("exec", (accept, _reject, info) => run(accept, info.command, session));
    });
  };
}

export interface SshResult {
  code: number;
  stdout: Uint8Array;
  stderr: string;
}

/** Runs OpenSSH's client. */
export async function ssh(
  port: number,
  args: string[],
  options: { stdin?: Uint8Array<ArrayBuffer>; options?: string[] } = {},
): Promise<SshResult> {
  const child = new Deno.Command("ssh", {
    args: [
      "-F/dev/null",
      // First, since the first of two values counts
      ...(options.options ?? []),
      "-oStrictHostKeyChecking=no",
      `-oUserKnownHostsFile=${keys().path("known_hosts")}`,
      "-oBatchMode=yes",
      "-oIdentitiesOnly=yes",
      `-i${keys().path("user")}`,
      `-p${port}`,
      "someone@127.0.0.1",
      ...args,
    ],
    stdin: options.stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  if (options.stdin) await feed(child.stdin, options.stdin);
  const { code, stdout, stderr } = await output;
  return { code, stdout, stderr: decode(stderr) };
}

/** Writes all of `bytes`; a program that stops reading early is its own affair. */
export async function feed(
  stdin: WritableStream<Uint8Array<ArrayBuffer>>,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(bytes).catch(() => {});
  await writer.close().catch(() => {});
}

/** One message as it came, and a reader behind its number. */
export interface Received {
  number: number;
  payload: Buffer;
  reader: WireReader;
}

/** npm ssh2 as a client whose messages are written and read by hand. */
export class RawClient implements AsyncDisposable {
  readonly client = new ssh2.Client();
  readonly received: Received[] = [];
  readonly errors: string[] = [];
  readonly closed: Promise<unknown>;
  /** Messages that are the test's own: ssh2 would complain about channels it did not open. */
  isOwn = (number: number) => number >= 90 && number <= 100;
  #look: () => void = () => {};
  #over = false;

  constructor() {
    this.closed = new Promise((resolve) => this.client.on("close", () => resolve(undefined)));
    this.client.on("close", () => {
      this.#over = true;
      this.#look();
    });
    this.client.on("error", (error: Error) => this.errors.push(error.message));
  }

  get protocol() {
    return (this.client as unknown as SshClient)._protocol;
  }

  get socket() {
    return (this.client as unknown as SshClient)._sock;
  }

  /** @param tamper Gets the client before it has said anything */
  connect(port: number, config: ssh2.ConnectConfig = {}, tamper?: (raw: RawClient) => void): this {
    this.client.connect({ host: "127.0.0.1", port, username: "someone", ...config });
    const { protocol } = this;
    const stock = protocol._onPayload;
    protocol._onPayload = (payload) => {
      const number = payload[0]!;
      this.received.push({
        number,
        payload: Buffer.from(payload),
        reader: new WireReader(Buffer.from(payload), 1),
      });
      const result = this.isOwn(number) ? undefined : stock(payload);
      this.#look();
      return result;
    };
    tamper?.(this);
    return this;
  }

  async ready(): Promise<this> {
    await once(this.client, "ready");
    return this;
  }

  send(...parts: Uint8Array[]): void {
    sendMessage(this.protocol, parts);
  }

  /** The next message of this number that no test step has taken, removed from `received`. */
  async take(number: number): Promise<WireReader> {
    for (;;) {
      const index = this.received.findIndex((message) => message.number === number);
      if (index >= 0) return this.received.splice(index, 1)[0]!.reader;
      if (this.#over) {
        throw new Error(`The connection closed before a message ${number}: ${this.errors.join()}`);
      }
      await new Promise<void>((resolve) => this.#look = resolve);
    }
  }

  /** Opens a session channel as our channel 0; returns the server's number for it. */
  async openSession(window = 1 << 30, packetBytes = 32_768): Promise<number> {
    this.send(byte(90), string("session"), uint32(0), uint32(window), uint32(packetBytes));
    const confirmation = await this.take(91);
    confirmation.uint32();
    return confirmation.uint32();
  }

  request(channel: number, type: string, wantReply: boolean, ...data: Uint8Array[]): void {
    this.send(byte(98), uint32(channel), string(type), byte(wantReply ? 1 : 0), ...data);
  }

  /** Waits until the server has handled all that was sent before: it answers global requests in order. */
  async settled(): Promise<void> {
    this.send(byte(80), string("settled@test"), byte(1));
    await this.take(82);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket?.destroy();
    await this.closed;
  }
}

/** Waits until `condition` holds, looking at every turn of the event loop; the test runner bounds the wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
