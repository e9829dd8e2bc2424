/** A channel of one SSH connection as the transport of another, which `ssh -J` speaks inside it. */

import { Duplex } from "node:stream";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import type { ClientAddress } from "../../../shared/protocol/lease.ts";
import type { Transport } from "./transport.ts";

/** Bytes unsent above which we stop reading, as for a socket. */
const unsentLimitBytes = 1024 * 1024;

export class ChannelStream extends Duplex implements Transport {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: "IPv4" | "IPv6";
  readonly #channel: ServerChannel;
  transferredBytes = 0;

  /** @param client Who is at the other end of the outer connection */
  constructor(channel: ServerChannel, client: ClientAddress) {
    super({ writableHighWaterMark: 256 * 1024, allowHalfOpen: false });
    this.#channel = channel;
    this.remoteAddress = client.address;
    this.remotePort = client.port;
    this.remoteFamily = client.address.includes(":") ? "IPv6" : "IPv4";
    channel.on("data", (chunk: Uint8Array) => {
      this.transferredBytes += chunk.length;
      if (!this.push(chunk) || this.writableLength > unsentLimitBytes) channel.pause();
    });
    channel.on("end", () => this.push(null));
    channel.on("close", () => this.destroy());
    channel.on("error", (error: Error) => this.destroy(error));
    this.on("drain", () => channel.resume());
    this.once("end", () => this.destroy());
  }

  override _read(): void {
    if (this.writableLength <= unsentLimitBytes) this.#channel.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.transferredBytes += chunk.length;
    this.#channel.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.close();
    done(error);
  }
}
