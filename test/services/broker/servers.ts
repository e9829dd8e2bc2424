/** Two servers held to the same tests: our broker as its own process, and the real nats-server with equal rights. */

import type { BrokerIdentity } from "../../../services/broker/broker.ts";
import { natsPermissions } from "../../../services/cli/keys/nats_config.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import type { AllowList } from "../../../shared/protocol/subjects.ts";
import { connectable, freePort } from "../../support/ports.ts";
import { until } from "../../support/wait.ts";

export type ServerKind = "broker" | "nats-server";
export const serverKinds: ServerKind[] = ["broker", "nats-server"];

/** Another release than the installed one can be unpacked anywhere, and named by its path. */
export const natsServer = Deno.env.get("SALLYPORT_TEST_NATS_SERVER") ?? "nats-server";
const root = new URL("../../..", import.meta.url).pathname;
/** Of no account; the broker has to be somebody else than root. */
const brokerUid = 47_311;

export interface TestIdentity {
  seed: string;
  publicKey: string;
  allow: AllowList;
}

export function identity(allow: AllowList): TestIdentity {
  return { ...createNkey(), allow };
}

/** Someone who may do everything. */
export function anyone(): TestIdentity {
  return identity({ publish: [">"], subscribe: [">"], responds: false });
}

/** @param identities `null` where `more` says who may connect */
function natsConfig(port: number, identities: readonly BrokerIdentity[] | null, more: object): string {
  const users = identities?.map(({ publicKey, allow }) => ({
    nkey: publicKey,
    permissions: natsPermissions(allow),
  }));
  const authorization = users && { authorization: { timeout: 2, users } };
  return JSON.stringify({ host: "127.0.0.1", port, ...authorization, ...more });
}

function brokerConfig(port: number, identities: readonly BrokerIdentity[]): string {
  return JSON.stringify({
    host: "127.0.0.1",
    port,
    uid: brokerUid,
    gid: brokerUid,
    identities: identities.map(({ publicKey, allow }) => ({ publicKey, allow })),
    logLevel: "error",
    logFormat: "human",
  });
}

/** A server process that can be killed and started again on its port. */
export class TestServer implements AsyncDisposable {
  readonly kind: ServerKind;
  readonly port: number;
  readonly #config: string;
  readonly #more: object;
  #child: Deno.ChildProcess | null = null;

  private constructor(kind: ServerKind, identities: readonly BrokerIdentity[] | null, more: object) {
    this.#more = more;
    this.kind = kind;
    this.port = freePort();
    const text = kind === "broker"
      ? brokerConfig(this.port, identities ?? [])
      : natsConfig(this.port, identities, more);
    this.#config = Deno.makeTempFileSync({ suffix: ".json" });
    Deno.writeTextFileSync(this.#config, text);
  }

  /** `more` goes into nats-server's configuration. */
  static async start(
    kind: ServerKind,
    identities: readonly BrokerIdentity[] | null,
    more: object = {},
  ): Promise<TestServer> {
    const server = new TestServer(kind, identities, more);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (!this.#child) throw new Error("The server does not run");
    return this.#child.pid;
  }

  async start(): Promise<void> {
    const command = this.kind === "broker"
      ? [Deno.execPath(), "run", "--quiet", "--no-prompt", `--config=${root}deno.json`, "-P=broker"]
        .concat(`${root}services/broker/main.ts`, this.#config)
      : [natsServer, "-c", this.#config];
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      stdin: "null",
      stdout: "null",
      stderr: this.kind === "broker" ? "inherit" : "null",
    }).spawn();
    await until(`${this.kind} accepts connections`, () => connectable(this.port));
  }

  /** Has nats-server read its configuration again, with other identities. */
  async reload(identities: readonly BrokerIdentity[]): Promise<void> {
    await Deno.writeTextFile(this.#config, natsConfig(this.port, identities, this.#more));
    this.#child?.kill("SIGHUP");
  }

  /** Hangs without closing a connection, until {@link thaw}. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    child.kill("SIGCONT");
    child.kill(signal);
    await child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#config);
  }
}
