/**
 * The product on a real nats-server whose operator is hostile: gateway and host are in accounts of their own, and all
 * that one says reaches the other by way of a program that reads it, loses, repeats, delays, alters and makes up.
 */

import type { Msg, NatsConnection } from "@nats-io/nats-core/internal";
import { connectClient } from "../services/broker/clients.ts";
import { natsPermissions } from "../../services/cli/keys/nats_config.ts";
import { anyone, type TestIdentity, TestServer } from "../services/broker/servers.ts";
import { Random } from "./evil_bus.ts";
import { type Members, startOnNats } from "./real_nats.ts";
import type { Sallyport } from "./sallyport.ts";

/** How likely each evil is for a frame. */
export interface Evil {
  lost: number;
  repeated: number;
  /** Comes after up to {@link maxDelayMs}, and after what was sent later. */
  delayed: number;
  /** Comes with one bit changed, and not as it was. */
  altered: number;
  /** Is followed by an earlier frame of the same lease. */
  replayed: number;
  /** Is followed by random bytes on its subject. */
  made: number;
}

const maxDelayMs = 20;
/** Frames kept to be replayed. */
const maxKept = 256;
const frameSubject = /^sallyport\.[hg]\./;

interface Envelope {
  subject: string;
  data: Uint8Array;
  reply: string | undefined;
}

export class HostileOperator {
  /** What it has done, by name of the evil. */
  readonly done: Record<keyof Evil, number> = {
    lost: 0,
    repeated: 0,
    delayed: 0,
    altered: 0,
    replayed: 0,
    made: 0,
  };
  /** Every message it has carried, latest last, as far as it remembers. */
  readonly seen: Envelope[] = [];
  /** Texts it looks for in all that it carries, and those it has found. */
  readonly wanted = new Set<string>();
  readonly found = new Set<string>();
  /** Null: it carries everything as it is. */
  evil: Evil | null = null;
  readonly #random: Random;
  readonly #kept: Envelope[] = [];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(readonly gatewaySide: NatsConnection, readonly hostSide: NatsConnection, seed: number) {
    this.#random = new Random(seed);
    this.#carry(gatewaySide, hostSide);
    this.#carry(hostSide, gatewaySide);
  }

  #carry(from: NatsConnection, to: NatsConnection): void {
    from.subscribe(">", {
      callback: (error: Error | null, { subject, data, reply }: Msg) => {
        if (error) return;
        const envelope = { subject, data: data.slice(), reply };
        this.#look(envelope);
        const send = ({ subject, data, reply }: Envelope) => {
          if (!to.isClosed()) to.publish(subject, data, reply ? { reply } : {});
        };
        if (this.evil && frameSubject.test(subject)) this.#abuse(envelope, this.evil, send);
        else send(envelope);
      },
    });
  }

  #look(envelope: Envelope): void {
    this.seen.push(envelope);
    if (this.seen.length > 10_000) this.seen.shift();
    if (this.wanted.size === 0) return;
    const text = new TextDecoder("latin1").decode(envelope.data);
    for (const secret of this.wanted) if (text.includes(secret)) this.found.add(secret);
  }

  #abuse(envelope: Envelope, evil: Evil, send: (envelope: Envelope) => void): void {
    const does = (what: keyof Evil) => {
      const yes = this.#random.next() < evil[what];
      if (yes) this.done[what]++;
      return yes;
    };
    this.#kept.push(envelope);
    if (this.#kept.length > maxKept) this.#kept.shift();
    if (does("lost")) return;
    if (does("altered")) {
      const data = envelope.data.slice();
      data[this.#random.below(data.length)]! ^= 1 << this.#random.below(8);
      send({ ...envelope, data });
    } else if (does("delayed")) this.#later(() => send(envelope));
    else send(envelope);
    if (does("repeated")) send(envelope);
    if (does("replayed")) {
      const same = this.#kept.filter(({ subject }) => subject === envelope.subject);
      send(same[this.#random.below(same.length)]!);
    }
    if (does("made")) send({ ...envelope, data: this.#random.bytes(1 + this.#random.below(2_000)) });
  }

  #later(run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, this.#random.below(maxDelayMs));
    this.#timers.add(timer);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([this.gatewaySide.close(), this.hostSide.close()]);
  }
}

export interface OnHostileNats extends AsyncDisposable {
  sallyport: Sallyport;
  operator: HostileOperator;
}

/** @param seed The same gives the same evil, as far as the same frames come */
export async function startOnHostileNats(seed: number): Promise<OnHostileNats> {
  const [one, other] = [anyone(), anyone()];
  const account = (identities: TestIdentity[]) => ({
    users: identities.map(({ publicKey, allow }) => ({
      nkey: publicKey,
      permissions: natsPermissions(allow),
    })),
  });
  let operator: HostileOperator | undefined;
  const serve = async ({ gateway, host, auditor }: Members) => {
    const accounts = { GATEWAYS: account([gateway, one]), HOSTS: account([host, auditor, other]) };
    const server = await TestServer.start("nats-server", null, { accounts });
    const sides = [one, other].map((identity) => connectClient(server, identity, { noEcho: true }));
    const [gatewaySide, hostSide] = await Promise.all(sides);
    operator = new HostileOperator(gatewaySide!, hostSide!, seed);
    return server;
  };
  const on = await startOnNats({}, serve);
  return {
    sallyport: on.sallyport,
    operator: operator!,
    async [Symbol.asyncDispose]() {
      await on[Symbol.asyncDispose]();
      await operator?.close();
    },
  };
}
