import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { newLogin } from "../support/logins.ts";
import { isAlive, signal } from "../support/processes.ts";
import { connectable } from "../support/ports.ts";
import { type Sallyport, startSallyport } from "../support/sallyport.ts";
import { until } from "../support/wait.ts";

/** A session that repeats lines, and ends with 7 when there are no more. */
class Session implements AsyncDisposable {
  readonly #client: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;

  constructor(sallyport: Sallyport, login = newLogin()) {
    const command = 'while read -r line; do echo "$line"; done; exit 7';
    this.#client = sallyport.spawn(login, command, ["-o", "LogLevel=INFO"]);
    this.#input = this.#client.stdin.getWriter();
    this.#output = this.#client.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async says(line: string): Promise<string> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    let said = "";
    while (!said.endsWith("\n")) {
      const { value, done } = await this.#output.read();
      if (done) break;
      said += value;
    }
    return said;
  }

  async exit(): Promise<number> {
    await this.#input.close();
    return (await this.#client.status).code;
  }

  /** What the person reads when it is ended for them. */
  async ended(): Promise<{ code: number; said: string }> {
    const said = await new Response(this.#client.stderr).text();
    return { code: (await this.#client.status).code, said };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    if (!this.#client.stderr.locked) await this.#client.stderr.cancel();
    await this.#client.status;
  }
}

Deno.test("SIGTERM drains a gateway: sessions go on, connections are refused, and it ends with the last", async () => {
  await using sallyport = await startSallyport();
  await using session = new Session(sallyport);
  strictEqual(await session.says("before"), "before\n");
  const { pid } = sallyport.process("gateway");
  signal(pid, "SIGTERM");
  await until("it listens no more", async () => !await connectable(sallyport.port));
  strictEqual(await session.says("after"), "after\n");
  strictEqual(isAlive(pid), true);
  strictEqual(await session.exit(), 7);
  await until("it has ended", () => !isAlive(pid));
});

Deno.test("a gateway may be replaced by another of its name while its sessions go on", async () => {
  await using sallyport = await startSallyport();
  await using old = new Session(sallyport);
  strictEqual(await old.says("before"), "before\n");
  signal(sallyport.process("gateway").pid, "SIGTERM");
  await until("it listens no more", async () => !await connectable(sallyport.port));
  await using _successor = await startGateway(sallyport);
  // Its first heartbeat was before its first login.
  deepStrictEqual((await sallyport.ssh(newLogin(), "exit 7")).code, 7);
  strictEqual(await old.says("after"), "after\n");
  strictEqual(await old.exit(), 7);
});

Deno.test("a second SIGTERM, SIGINT, or the end of gateway.drain_timeout ends a draining gateway's sessions", async () => {
  await using sallyport = await startSallyport({ config: { gateway: { drain_timeout: 1 } } });
  {
    await using session = new Session(sallyport);
    strictEqual(await session.says("before"), "before\n");
    signal(sallyport.process("gateway").pid, "SIGTERM");
    const { code, said } = await session.ended();
    strictEqual(code, 255);
    match(said, /The gateway is going down; log in again in a moment\./);
  }
  await until("another one listens", () => connectable(sallyport.port));
  {
    await using session = new Session(sallyport);
    strictEqual(await session.says("before"), "before\n");
    signal(sallyport.process("gateway").pid, "SIGINT");
    strictEqual((await session.ended()).code, 255);
  }
});

Deno.test("SIGTERM drains a host: sessions go on, logins are refused in one sentence, and it ends with the last", async () => {
  await using sallyport = await startSallyport();
  await using session = new Session(sallyport);
  strictEqual(await session.says("before"), "before\n");
  const { pid } = sallyport.process("monitor");
  signal(pid, "SIGTERM");
  await until("it drains", () => /Draining 1 leases/.test(sallyport.logs()));
  match(await sallyport.refusal(newLogin()), /takes no new logins/);
  strictEqual(await session.says("after"), "after\n");
  strictEqual(await session.exit(), 7);
  await until("it has ended", () => !isAlive(pid));
  await until("PAM is closed", async () => await sallyport.leases() === 0);
  // `start` starts another.
  const works = async () => (await sallyport.ssh(newLogin(), "exit 7")).code === 7;
  await until("new logins work", works, { timeoutMs: 40_000, everyMs: 300 });
});

Deno.test("a draining host closes what is left when host.drain_timeout is over, or at SIGINT", async () => {
  await using sallyport = await startSallyport({ config: { host: { drain_timeout: 1 } } });
  await using session = new Session(sallyport);
  strictEqual(await session.says("before"), "before\n");
  const { pid } = sallyport.process("monitor");
  signal(pid, "SIGTERM");
  strictEqual((await session.ended()).code, 255);
  await until("PAM is closed", async () => await sallyport.leases() === 0);
  await until("it has ended", () => !isAlive(pid));
});

/** Another gateway of the same configuration, as an upgrade starts it. */
async function startGateway(sallyport: Sallyport): Promise<AsyncDisposable> {
  const main = new URL("../../services/main.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", main, "gateway", "--config", `${sallyport.state}/sallyport.yaml`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await until("the successor listens", () => connectable(sallyport.port));
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGINT");
      await child.status;
    },
  };
}
