/** An SSH client in this process, for what OpenSSH does not let a person do or see. */

import { Client, type ClientChannel, type ConnectConfig } from "ssh2";
import type { SshTarget } from "./ssh.ts";

/** Logs in; rejects when the server refuses. Disposing ends the connection. */
export async function connectClient(
  target: SshTarget,
  login: string,
  options: ConnectConfig = {},
): Promise<Client & Disposable> {
  const client = new Client();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.on("ready", resolve);
  client.on("error", reject);
  client.on("close", () => reject(new Error("The server closed the connection")));
  client.connect({
    host: "127.0.0.1",
    port: target.port,
    username: login,
    privateKey: await Deno.readTextFile(target.keyFile),
    readyTimeout: 30_000,
    ...options,
  });
  try {
    await promise;
  } catch (error) {
    client.destroy();
    throw error;
  }
  client.setNoDelay(true);
  client.removeListener("error", reject).on("error", () => {});
  return Object.assign(client, { [Symbol.dispose]: () => void client.destroy() });
}

export interface Execution {
  stdout: string;
  stderr: string;
  /** Exit status, or null after a signal. */
  code: number | null;
  /** Name of RFC 4254 §6.10, without SIG. */
  signal: string | null;
}

/** Starts a command on an open connection. */
export function startOn(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => error ? reject(error) : resolve(channel));
  });
}

/** Runs a command on an open connection to its end. */
export async function execOn(client: Client, command: string): Promise<Execution> {
  const channel = await startOn(client, command);
  const { promise, resolve } = Promise.withResolvers<Execution>();
  const result: Execution = { stdout: "", stderr: "", code: null, signal: null };
  channel.on("data", (chunk: Uint8Array) => result.stdout += new TextDecoder().decode(chunk));
  channel.stderr.on("data", (chunk: Uint8Array) => result.stderr += new TextDecoder().decode(chunk));
  channel.on("exit", (code: number | null, signal?: string) => {
    result.code = code;
    result.signal = signal?.replace(/^SIG/, "") ?? null;
  });
  channel.on("close", () => resolve(result));
  channel.end();
  return await promise;
}
