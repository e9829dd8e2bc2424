/** Five hundred people at their terminals on three hosts behind two gateways: all alive, quick, and cheap. Writes capacity.md. */

import { deepStrictEqual, ok } from "node:assert/strict";
import type { ClientChannel } from "ssh2";
import type { Sections } from "../../examples/fleet/configuration.ts";
import { connectClient } from "../support/client.ts";
import { type Member, type Part, startFleet, type TestFleet } from "../support/fleet.ts";
import { newLogin } from "../support/logins.ts";
import { memoryBytes, processorSeconds } from "../support/processes.ts";
import { span } from "../support/wait.ts";

const sessions = 500;
const openingAtOnce = 4;
/** Sessions whose keystrokes are timed, and how many of each. */
const timed = { sessions: 50, keystrokes: 20 };
const idleMs = 20_000;
/** After the logins: V8 gives back what they took. */
const settleMs = 5_000;
const megabyte = 1_000_000;

const report = new URL("capacity.md", import.meta.url);

/** A shell on a terminal that echoes what is typed. */
class Shell implements Disposable {
  #text = "";
  #waiting: { text: string; resolve: () => void } | null = null;

  private constructor(readonly client: Disposable, readonly channel: ClientChannel) {
    channel.on("data", (chunk: Uint8Array) => {
      this.#text = (this.#text + new TextDecoder().decode(chunk)).slice(-4_096);
      if (this.#waiting && this.#text.includes(this.#waiting.text)) this.#waiting.resolve();
    });
  }

  static async open(fleet: TestFleet, gateway: Member, login: string): Promise<Shell> {
    const client = await connectClient(fleet.target(gateway) as never, login, { host: gateway.address });
    const channel = await new Promise<ClientChannel>((resolve, reject) =>
      client.shell({ term: "xterm" }, (error, channel) => error ? reject(error) : resolve(channel))
    );
    const shell = new Shell(client, channel);
    await shell.says("$ ");
    return shell;
  }

  /** Resolves when `text` has come since the last of these. */
  async says(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { text, resolve };
    if (this.#text.includes(text)) resolve();
    await promise;
    this.#waiting = null;
    this.#text = "";
  }

  /** Types and waits for what comes of it. @returns Milliseconds */
  async answers(typed: string, text: string): Promise<number> {
    const startedAt = performance.now();
    this.channel.write(typed);
    await this.says(text);
    return performance.now() - startedAt;
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }
}

interface Service {
  name: string;
  member: Member;
  part: Part;
}

function servicesOf(fleet: TestFleet): Service[] {
  const of = (member: Member, ...parts: Part[]) =>
    parts.map((part) => ({
      name: part === "bus" ? "nats-server" : `${part} of ${member.name}`,
      member,
      part,
    }));
  return [
    ...of(fleet.bus, "bus"),
    ...fleet.gateways.flatMap((gateway) => of(gateway, "gateway")),
    ...fleet.hosts.flatMap((host) => of(host, "monitor", "dispatcher", "worker")),
  ];
}

function sum(fleet: TestFleet, { member, part }: Service, value: (pid: number) => number): number {
  return fleet.processes(member, part).reduce((total, { pid }) => total + value(pid), 0);
}

function quantile(values: number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!;
}

function cpuModel(): string {
  return /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "unknown";
}

Deno.test(`${sessions} interactive sessions over three hosts`, async () => {
  await using fleet = await startFleet({
    config: ({ kind }): Sections =>
      kind === "gateway"
        ? { gateway: { MaxStartups: `${sessions}:30:${2 * sessions}` }, log: { level: "info" } }
        : { log: { level: "info" } },
  });
  const login = newLogin();
  for (const host of fleet.hosts) await host.machine.run("useradd", "-m", "-s", "/bin/bash", login);
  using shells = new DisposableStack();
  const open: Shell[] = [];
  const startedAt = performance.now();
  while (open.length < sessions) {
    const batch = Array.from({ length: openingAtOnce }, (_, index) => {
      const number = open.length + index;
      const host = fleet.hosts[number % fleet.hosts.length]!;
      return Shell.open(fleet, fleet.gateways[number % fleet.gateways.length]!, `${login}+${host.name}`);
    });
    for (const shell of await Promise.all(batch)) open.push(shells.use(shell));
  }
  const openedSeconds = (performance.now() - startedAt) / 1_000;

  const alive = await Promise.all(
    open.map((shell, index) => shell.answers(`echo a$((${index}+1))b\r`, `a${index + 1}b`)),
  );
  deepStrictEqual(alive.length, sessions);

  await span(settleMs);
  const services = servicesOf(fleet);
  const before = services.map((service) => sum(fleet, service, processorSeconds));
  await span(idleMs);
  const rows = services.map((service, index) => ({
    name: service.name,
    processes: fleet.processes(service.member, service.part).length,
    memoryBytes: sum(fleet, service, (pid) => memoryBytes(pid, "divided")),
    processorPerCent: (sum(fleet, service, processorSeconds) - before[index]!) * 100_000 / idleMs,
  }));

  const echoes: number[] = [];
  for (const shell of open.slice(0, timed.sessions)) {
    for (let count = 0; count < timed.keystrokes; count++) echoes.push(await shell.answers("x", "x"));
  }
  const [p50, p99] = [quantile(echoes, 0.5), quantile(echoes, 0.99)];
  const total = rows.reduce((bytes, row) => bytes + row.memoryBytes, 0);

  await Deno.writeTextFile(
    report,
    [
      "# Capacity",
      "",
      `${sessions} interactive sessions, each a bash on a terminal by a connection of its own, on three hosts behind two gateways`,
      "and one nats-server, all on one machine in namespaces (examples/fleet). Made by",
      "`deno task soak test/soak/capacity_test.ts`.",
      "",
      `${
        new Date().toISOString().slice(0, 10)
      }, ${cpuModel()}, ${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}. The clients run on the same cores.`,
      "",
      "| what | figure |",
      "| ---- | ------ |",
      `| sessions alive, each having answered a command of its own | ${alive.length} of ${sessions} |`,
      `| opening all of them, ${openingAtOnce} at a time | ${openedSeconds.toFixed(0)} s |`,
      `| a key's echo with all of them open, median (99th percentile) | ${p50.toFixed(1)} ms (${
        p99.toFixed(1)
      } ms) |`,
      `| memory of all services for one session (PSS) | ${(total / sessions / megabyte).toFixed(2)} MB |`,
      "",
      "| service | processes | memory (PSS) | processor while idle |",
      "| ------- | --------- | ------------ | -------------------- |",
      ...rows.map(({ name, processes, memoryBytes, processorPerCent }) =>
        `| ${name} | ${processes} | ${(memoryBytes / megabyte).toFixed(1)} MB | ${
          processorPerCent.toFixed(2)
        } % of a core |`
      ),
      "",
    ].join("\n"),
  );
  ok(p50 < 5, `echo takes ${p50} ms`);
  for (const { name, processorPerCent } of rows) ok(processorPerCent < 1, `${name}: ${processorPerCent} %`);
});
